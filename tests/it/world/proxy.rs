//! What stands between a server and PostgreSQL, and can be taken away.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// A proxy; dropping it closes its connections.
pub struct Proxy {
    address: SocketAddr,
    server: Arc<Mutex<SocketAddr>>,
    mode: watch::Sender<Mode>,
    /// How often connections were lost: those of an earlier count are.
    losses: watch::Sender<u32>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// Connections are closed, new ones as soon as they come.
    Cut,
    /// Connections stay, new ones too, but nothing goes through.
    Silent,
    /// Everything goes through this much later.
    Slow(Duration),
}

impl Proxy {
    /// Before the server that `url` names.
    pub async fn before(url: &str) -> Self {
        let server = Arc::new(Mutex::new(address_in(url)));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (mode, changes) = watch::channel(Mode::Open);
        let (losses, lost) = watch::channel(0);
        let serving = tokio::spawn(serve(listener, Arc::clone(&server), changes, lost));
        Self { address, server, mode, losses, serving }
    }

    /// New connections lead to the server that `url` names from now on.
    pub fn lead_to(&self, url: &str) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = address_in(url);
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `url` by way of this proxy.
    pub fn url(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once('@').expect("the URL names a user");
        let (_, database) = rest.split_once('/').expect("the URL names a database");
        format!("{scheme}@{}/{database}", self.address)
    }

    /// The server is gone: connections break, new ones break at once.
    pub fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// The network is gone: nothing comes back any more, and nobody says so.
    pub fn fall_silent(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    /// The network has forgotten all connections, as after a fail-over: nothing comes back on them any more, and nobody
    /// says so. New ones are as good as ever.
    pub fn lose_connections(&self) {
        self.losses.send_modify(|count| *count += 1);
    }

    /// The network is slow, or the server's disk: each piece takes this long, in either direction.
    pub fn slow_down(&self, by: Duration) {
        self.mode.send_replace(Mode::Slow(by));
    }

    pub fn open(&self) {
        self.mode.send_replace(Mode::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn address_in(url: &str) -> SocketAddr {
    let rest = url.split_once('@').expect("the URL names a user").1;
    let (server, _) = rest.split_once('/').expect("the URL names a database");
    server.parse().expect("the URL has an address")
}

async fn serve(
    listener: TcpListener,
    server: Arc<Mutex<SocketAddr>>,
    mut mode: watch::Receiver<Mode>,
    losses: watch::Receiver<u32>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let now = *mode.borrow();
                let server = *server.lock().unwrap_or_else(PoisonError::into_inner);
                if now != Mode::Cut {
                    connections.spawn(carry(client, server, mode.clone(), losses.clone()));
                }
            }
            changed = mode.changed() => {
                if changed.is_err() {
                    return;
                }
                if *mode.borrow_and_update() == Mode::Cut {
                    connections.abort_all();
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(client: TcpStream, server: SocketAddr, mode: watch::Receiver<Mode>, mut losses: watch::Receiver<u32>) {
    losses.mark_unchanged();
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // When one side is done, so is the connection.
    let mut is_lost = false;
    tokio::select! {
        () = pump(&mut from_client, &mut to_server, mode.clone()) => {}
        () = pump(&mut from_server, &mut to_client, mode) => {}
        Ok(()) = losses.changed() => is_lost = true,
    }
    if is_lost {
        // PostgreSQL gives it up in time; the other side hears nothing, whatever it says.
        drop((from_server, to_server));
        let mut unheard = [0; 1024];
        while let Ok(1..) = from_client.read(&mut unheard).await {}
    }
}

async fn pump(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let now = match mode.wait_for(|mode| *mode != Mode::Silent).await {
            Ok(now) => *now,
            Err(_) => return,
        };
        if let Mode::Slow(by) = now {
            tokio::time::sleep(by).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
