//! What do managers tell each other in confidence? Values, tokens, unlock keys and passphrases of calls that are forwarded:
//! sealed under the cluster's sealing root, because the connections between managers live long, and so do the buffers of
//! TLS and gRPC on both ends.

use std::future::Future;

use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use wardroom_api::v1;
use wardroom_keys::SecretBytes;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::forward::{self, Written};

/// A message that may hold something secret.
pub(super) trait Confides {
    fn secrets(&mut self) -> Vec<&mut Vec<u8>>;
}

/// As [`forward::write`], for calls with something secret in the question or in the answer: on the way it is sealed.
pub(super) async fn write<M, R, H, T>(
    context: &Context,
    request: Request<M>,
    here: impl Fn(Context, Caller, M) -> H,
    there: impl Fn(Channel, Request<M>) -> T,
) -> Result<Response<R>, Status>
where
    M: Clone + Confides,
    R: Written + Confides,
    H: Future<Output = Result<R, Failure>>,
    T: Future<Output = Result<Response<R>, Status>>,
{
    let here = &here;
    let as_leader = |context: Context, caller: Caller, mut message: M| async move {
        if !caller.forwarded {
            return here(context, caller, message).await;
        }
        unveil(&context, &mut message)?;
        let mut answer = here(context.clone(), caller, message).await?;
        veil(&context, &mut answer);
        Ok(answer)
    };
    let at_the_leader = |leader, mut request: Request<M>| {
        veil(context, request.get_mut());
        let answering = there(leader, request);
        async move {
            let mut answer = answering.await?;
            unveil(context, answer.get_mut())?;
            Ok(answer)
        }
    };
    forward::write(context, request, as_leader, at_the_leader).await
}

/// For the way to another manager.
pub(super) fn veil(context: &Context, message: &mut impl Confides) {
    let root = context.keyring.sealing_root();
    for secret in message.secrets() {
        let plain = SecretBytes::new(std::mem::take(secret));
        *secret = root.seal_forwarded(&*context.chance, &context.config.cluster_id, &plain);
    }
}

/// What another manager has veiled.
pub(super) fn unveil(context: &Context, message: &mut impl Confides) -> Result<(), Failure> {
    let root = context.keyring.sealing_root();
    for secret in message.secrets() {
        let opened = root.open_forwarded(&context.config.cluster_id, secret);
        let opened = opened.map_err(|error| Failure::invalid(error.to_string()))?;
        *secret = opened.expose().to_vec();
    }
    Ok(())
}

fn bytes(value: Option<&mut v1::Value>) -> Vec<&mut Vec<u8>> {
    match value.and_then(|value| value.source.as_mut()) {
        Some(v1::value::Source::Bytes(bytes)) => vec![bytes],
        Some(v1::value::Source::Generate(_)) | None => Vec::new(),
    }
}

impl Confides for v1::CreateSecretRequest {
    fn secrets(&mut self) -> Vec<&mut Vec<u8>> {
        bytes(self.value.as_mut())
    }
}

impl Confides for v1::RotateSecretRequest {
    fn secrets(&mut self) -> Vec<&mut Vec<u8>> {
        bytes(self.value.as_mut())
    }
}

/// `confides!(Message: field, ...)`: these fields are confidential, each of them once, not at all, or many times.
macro_rules! confides {
    ($($name:ident: $($field:ident),*;)+) => {$(
        impl Confides for v1::$name {
            fn secrets(&mut self) -> Vec<&mut Vec<u8>> {
                #[allow(unused_mut)] // of messages that hold nothing
                let mut secrets = Vec::new();
                $(secrets.extend(self.$field.iter_mut().map(|part| &mut part.bytes));)*
                secrets
            }
        }
    )+};
}
confides!(
    CreateSecretResponse: ;
    RotateSecretResponse: ;
    GetJoinTokenRequest: ;
    RotateJoinTokenRequest: ;
    JoinTokenResponse: token;
    GetUnlockKeyRequest: ;
    GetUnlockKeyResponse: key, shares;
    AdmitRequest: token;
    AdmitResponse: ;
    BackupRequest: passphrase;
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_of_a_message_is_found() {
        let confidential = |text: &str| v1::Confidential::new(text.into());
        let mut answer = v1::GetUnlockKeyResponse {
            key: Some(confidential("key")),
            shares: vec![confidential("one"), confidential("two")],
            ..Default::default()
        };
        let found: Vec<_> = answer.secrets().into_iter().map(|bytes| bytes.clone()).collect();
        assert_eq!(found, [b"key", b"one", b"two"]);
        let mut value = v1::CreateSecretRequest {
            value: Some(v1::Value::from_bytes(b"value".to_vec())),
            ..Default::default()
        };
        assert_eq!(value.secrets(), [b"value"]);
        let generate = Some(v1::Value::generated(32));
        let mut value = v1::RotateSecretRequest {
            value: generate,
            ..Default::default()
        };
        assert!(value.secrets().is_empty() && v1::AdmitRequest::default().secrets().is_empty());
    }
}
