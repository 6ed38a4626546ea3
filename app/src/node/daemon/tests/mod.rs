//! Does a machine become what it is told to be? Supervisors in one process, each with a directory, a port and an agent of
//! its own, on one clock that a test can move.

mod departure;
mod expiry;
mod halfway;
mod life;
mod locks;
mod loss;
mod roles;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use wardroom_api::channel::{CALL_DEADLINE, request, within};
use wardroom_api::{Client, ClusterView, FeedEvent, TcpNet, WatchFeed, v1};
use wardroom_ca::{Clock, ManualClock, SystemClock};
use wardroom_keys::{OsChance, SecretBytes};

use super::home::Home;
use super::local::{Local, Standing};
use super::order::{Order, Refusal, Reply};
use super::parts::Ground;
use super::supervisor::Supervisor;
use crate::node::beginning::system;
use crate::node::{door, founding, unlocking};
use crate::report::Report;

/// Far beyond anything that works; a test that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running daemon without its socket.
struct Machine {
    orders: mpsc::Sender<Order>,
    local: watch::Receiver<Local>,
    client: Client,
    stop: CancellationToken,
    running: JoinHandle<Result<(), Report>>,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemClock.now_ms()))
}

fn address() -> String {
    founding::free_address(&OsChance, &[]).unwrap()
}

fn home(dir: &Path) -> Home {
    Home::open(dir).unwrap()
}

impl Machine {
    /// Starts the daemon of a directory; returns once it has taken up what it found there.
    async fn start(dir: &Path, clock: &Arc<ManualClock>) -> Self {
        Self::start_with(dir, clock, Vec::new()).await
    }

    /// As systemd does with credentials.
    async fn start_with(dir: &Path, clock: &Arc<ManualClock>, credentials: Vec<SecretBytes>) -> Self {
        let ground = Ground {
            clock: Arc::<ManualClock>::clone(clock),
            chance: Arc::new(OsChance),
            net: Arc::new(TcpNet),
            hostname: dir.file_name().unwrap().to_string_lossy().into_owned(),
            hooks: None,
        };
        let home = home(dir);
        let (told, local) = watch::channel(Local::inactive(&ground.hostname, home.dir().to_owned()));
        let (orders, ordered) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let lock_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
        let mut supervisor = Supervisor::new(ground, home, told, stop.clone());
        supervisor.credentials = credentials;
        let lock = unlocking::service(orders.clone(), supervisor.lock_shown(), lock_clock);
        let own = Routes::new(super::service::service(orders.clone(), local.clone())).add_service(lock);
        let routes = supervisor.switch.clone().behind(own);
        let (client, door) = door::open("machine".to_owned());
        let (incoming, connections) = mpsc::channel(4);
        tokio::spawn(door::serve(door, incoming));
        let served = wardroom_manager::serve_local(ReceiverStream::new(connections), routes, stop.clone());
        tokio::spawn(served);
        let (ready, begun) = oneshot::channel();
        let running = tokio::spawn(supervisor.run(ordered, move || {
            let _ = ready.send(());
        }));
        let machine = Self {
            orders,
            local,
            client,
            stop,
            running,
        };
        tokio::time::timeout(DEADLINE, begun).await.expect("it begins").unwrap();
        machine
    }

    /// A cluster of this machine, at a free port. Returns its address and the workers' token.
    async fn init(&self) -> (String, Vec<u8>) {
        let listen = address();
        let message = v1::InitRequest {
            listen,
            ..v1::InitRequest::default()
        };
        let mut founded = self.order(|reply| Order::Init(message, system(), reply)).await.unwrap();
        (founded.address.clone(), founded.worker_token.take().unwrap().take())
    }

    async fn join(&self, token: &[u8], remote: &str) -> Result<v1::JoinResponse, Refusal> {
        let message = v1::JoinRequest {
            token: Some(v1::Confidential::new(token.to_vec())),
            remotes: vec![remote.to_owned()],
            listen: address(),
            ..v1::JoinRequest::default()
        };
        self.order(|reply| Order::Join(message, reply)).await
    }

    async fn leave(&self, force: bool) -> Result<v1::LeaveResponse, Refusal> {
        self.order(|reply| Order::Leave(v1::LeaveRequest { force }, system(), reply))
            .await
    }

    async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let sent = self.orders.send(order(reply)).await;
        assert!(sent.is_ok(), "the supervisor runs");
        let answered = tokio::time::timeout(DEADLINE, answer).await;
        answered.expect("an order is answered").expect("the supervisor runs")
    }

    /// Waits until this machine is as wanted.
    async fn is(&self, what: &str, wanted: impl FnMut(&Local) -> bool) -> Local {
        let mut local = self.local.clone();
        let found = tokio::time::timeout(DEADLINE, local.wait_for(wanted)).await;
        let Ok(found) = found else {
            panic!("waited in vain until it is {what}: {:?}", self.local.borrow())
        };
        found.expect("the supervisor runs").clone()
    }

    async fn is_active(&self) -> Local {
        self.is("active", |local| local.standing == Standing::Active).await
    }

    /// The token of a role, from this manager.
    async fn token(&self, role: v1::Role) -> Vec<u8> {
        let message = v1::GetJoinTokenRequest { role: role.into() };
        let call = async {
            self.client
                .control()
                .get_join_token(request(message, CALL_DEADLINE))
                .await
        };
        let mut answer = within(CALL_DEADLINE, call).await.unwrap();
        answer.token.take().unwrap().take()
    }

    async fn nodes(&self) -> Result<Vec<v1::Node>, wardroom_api::CallError> {
        let message = v1::ListRequest {
            kind: v1::Kind::Node.into(),
            ..v1::ListRequest::default()
        };
        let call = async { self.client.control().list(request(message, CALL_DEADLINE)).await };
        let listed = within(CALL_DEADLINE, call).await?;
        let node = |object: v1::Object| match object.kind {
            Some(v1::object::Kind::Node(node)) => Some(node),
            _ => None,
        };
        Ok(listed.objects.into_iter().filter_map(node).collect())
    }

    /// Waits until the cluster is as wanted, as this manager sees it.
    async fn sees(&self, what: &str, wanted: impl Fn(&ClusterView) -> bool) {
        let mut feed = WatchFeed::everything(self.client.clone());
        let mut view = ClusterView::default();
        let looking = async {
            while view.index == 0 || !wanted(&view) {
                if let FeedEvent::Message(message) = feed.event().await {
                    view.apply(&message);
                }
            }
        };
        let seen = tokio::time::timeout(DEADLINE, looking).await.is_ok();
        assert!(seen, "waited in vain until {what}: {:?} {:?}", view.nodes, view.tasks);
    }

    /// One task, wherever there is room, that only has its files written.
    async fn create_service(&self, name: &str) {
        let spec = v1::ServiceSpec {
            name: name.to_owned(),
            run: Some(v1::RunSpec {
                executor: v1::Executor::Files.into(),
                ..v1::RunSpec::default()
            }),
            replicas: 1,
            ..v1::ServiceSpec::default()
        };
        let message = v1::CreateServiceRequest {
            spec: Some(spec),
            exposes_env: false,
        };
        let call = async {
            self.client
                .control()
                .create_service(request(message, CALL_DEADLINE))
                .await
        };
        within(CALL_DEADLINE, call).await.unwrap();
    }

    async fn create_secret(&self, name: &str) {
        let message = v1::CreateSecretRequest {
            name: name.to_owned(),
            value: Some(v1::Value::generated(8)),
            ..v1::CreateSecretRequest::default()
        };
        let call = async {
            self.client
                .control()
                .create_secret(request(message, CALL_DEADLINE))
                .await
        };
        within(CALL_DEADLINE, call).await.unwrap();
    }

    async fn secrets(&self) -> Vec<String> {
        let message = v1::ListRequest {
            kind: v1::Kind::Secret.into(),
            ..v1::ListRequest::default()
        };
        let call = async { self.client.control().list(request(message, CALL_DEADLINE)).await };
        let listed = within(CALL_DEADLINE, call).await.unwrap();
        let name = |object: v1::Object| match object.kind {
            Some(v1::object::Kind::Secret(secret)) => Some(secret.name),
            _ => None,
        };
        listed.objects.into_iter().filter_map(name).collect()
    }

    /// As SIGTERM ends it.
    async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(DEADLINE, self.running).await;
        ended.expect("it ends").unwrap().unwrap();
    }
}
