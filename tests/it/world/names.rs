//! A name server of the test's own, whose answers may change from one question to the next.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{net::UdpSocket, task::JoinHandle};

use super::folder::Folder;

/// A name server; dropping it ends it.
pub struct Names {
    folder: Folder,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

/// The addresses of a name when it is asked for the n-th time, counted from 0. None: there is no such name.
type Zone = Box<dyn Fn(&str, usize) -> Option<Vec<IpAddr>> + Send>;

const A: u16 = 1;
const AAAA: u16 = 28;
/// The only port that processes ask at. Any address of the machine's own will do.
const PORT: u16 = 53;

impl Names {
    /// `None` where that port is not given out, which needs root.
    pub async fn start(zone: impl Fn(&str, usize) -> Option<Vec<IpAddr>> + Send + 'static) -> Option<Self> {
        let tries = (0..50).map(|n| {
            let unique = u64::from(std::process::id()) * 50 + n;
            let [.., a, b] = unique.to_be_bytes();
            Ipv4Addr::new(127, 53, a, b.clamp(1, 254))
        });
        let mut bound = None;
        for ip in tries {
            if let Ok(socket) = UdpSocket::bind(SocketAddr::from((ip, PORT))).await {
                bound = Some((ip, socket));
                break;
            }
        }
        let Some((ip, socket)) = bound else {
            println!("skipped: no name server can be started here, which needs root");
            return None;
        };
        let folder = Folder::new();
        let settings = format!("nameserver {ip}\noptions timeout:5 attempts:1\n");
        std::fs::write(folder.path().join("resolv.conf"), settings).expect("a file can be written");
        let asked = Arc::default();
        let serving = tokio::spawn(serve(socket, Box::new(zone), Arc::clone(&asked)));
        Some(Self { folder, asked, serving })
    }

    /// A `resolv.conf` that leads here.
    pub fn settings(&self) -> PathBuf {
        let folder: &Path = self.folder.path();
        folder.join("resolv.conf")
    }

    /// How often an IPv4 address of a name was asked for.
    pub fn count(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|it| *it == name).count()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(socket: UdpSocket, zone: Zone, asked: Arc<Mutex<Vec<String>>>) {
    let mut packet = [0; 1500];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut packet).await else { continue };
        let Some((name, kind, end)) = question(&packet[..length]) else { continue };
        let nth = {
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            let nth = asked.iter().filter(|it| **it == name).count();
            // Both kinds are asked for at once; one of them counts.
            if kind == A {
                asked.push(name.clone());
            }
            nth
        };
        let answer = answer(&packet[..end], kind, zone(&name, nth));
        let _ = socket.send_to(&answer, from).await;
    }
}

/// The name that is asked for, the kind, and where the question ends.
fn question(packet: &[u8]) -> Option<(String, u16, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
    Some((labels.join("."), kind, at + 4))
}

fn answer(asked: &[u8], kind: u16, addresses: Option<Vec<IpAddr>>) -> Vec<u8> {
    let exists = addresses.is_some();
    let records: Vec<Vec<u8>> = addresses
        .into_iter()
        .flatten()
        .filter_map(|ip| match (ip, kind) {
            (IpAddr::V4(ip), A) => Some(ip.octets().to_vec()),
            (IpAddr::V6(ip), AAAA) => Some(ip.octets().to_vec()),
            _ => None,
        })
        .collect();
    let mut packet = asked.to_vec();
    // An answer of one who may say so; 3 is that there is no such name.
    packet[2..4].copy_from_slice(&[0x85, if exists { 0x80 } else { 0x83 }]);
    packet[4..6].copy_from_slice(&1_u16.to_be_bytes());
    packet[6..8].copy_from_slice(&u16::try_from(records.len()).expect("a few").to_be_bytes());
    packet[8..12].fill(0);
    for record in records {
        // The name of the question, the kind, the internet, no time to be kept.
        packet.extend([0xc0, 12]);
        packet.extend(kind.to_be_bytes());
        packet.extend([0, 1, 0, 0, 0, 0]);
        packet.extend(u16::try_from(record.len()).expect("an address").to_be_bytes());
        packet.extend(record);
    }
    packet
}
