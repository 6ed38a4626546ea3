//! What can happen to the console, and what can it want? `Msg` comes in, `Effect` goes out; both are plain data, and no
//! `Debug` of them shows a byte of a value or a key that was typed.

use std::fmt;

use wardroom_api::v1::{
    CreateSecretRequest, CreateSecretResponse, CreateServiceRequest, CreateServiceResponse, RemoveSecretRequest,
    RemoveSecretResponse, RemoveServiceRequest, RemoveServiceResponse, RevokeSecretRequest, RevokeSecretResponse,
    RotateSecretRequest, RotateSecretResponse, StatusResponse, UpdateServiceRequest, UpdateServiceResponse,
};
use wardroom_api::{CallError, FeedEvent};
use zeroize::Zeroize;

use super::key::Key;

/// Ties an answer to the question: an answer that nobody waits for any more is dropped.
pub type Ticket = u64;

#[derive(Debug)]
pub enum Msg {
    Key(Key),
    Paste(Pasted),
    Resize(u16, u16),
    /// The minute has changed: shown ages may have, too.
    Tick,
    Feed(Box<FeedEvent>),
    Answered(Ticket, Result<Answer, CallError>),
    FileRead(Ticket, Result<Pasted, String>),
    /// The program runs again after it was suspended.
    Resumed,
}

/// Text or bytes that may be a secret: wiped on drop, absent from `Debug`.
#[derive(Default)]
pub struct Pasted(Vec<u8>);

impl Pasted {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Hands the bytes over; wiping them is the new owner's job.
    pub fn take(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Pasted {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Pasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pasted({} bytes, hidden)", self.0.len())
    }
}

#[derive(Debug)]
pub enum Effect {
    Call(Ticket, Call),
    /// Reads a value from a file on this machine.
    ReadFile(Ticket, String),
    /// Puts a name onto the terminal's clipboard.
    Copy(String),
    Redraw,
    Suspend,
    Quit,
}

/// A call to the cluster, as the wire has it.
#[derive(Debug, PartialEq)]
pub enum Call {
    Status,
    CreateSecret(CreateSecretRequest),
    RotateSecret(RotateSecretRequest),
    RevokeSecret(RevokeSecretRequest),
    RemoveSecret(RemoveSecretRequest),
    CreateService(CreateServiceRequest),
    UpdateService(UpdateServiceRequest),
    RemoveService(RemoveServiceRequest),
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    Status(Box<StatusResponse>),
    SecretCreated(CreateSecretResponse),
    SecretRotated(RotateSecretResponse),
    SecretRevoked(RevokeSecretResponse),
    SecretRemoved(RemoveSecretResponse),
    ServiceCreated(CreateServiceResponse),
    ServiceUpdated(UpdateServiceResponse),
    ServiceRemoved(RemoveServiceResponse),
}
