//! What can this machine do at best? A durable write and a round trip, measured beside everything else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::percentile;

pub(crate) struct Anchors {
    pub(crate) fdatasync: Duration,
    pub(crate) round_trip: Duration,
}

pub(crate) fn measure() -> Anchors {
    Anchors {
        fdatasync: fdatasync(),
        round_trip: round_trip(),
    }
}

fn fdatasync() -> Duration {
    let file = tempfile::tempfile_in(std::env::temp_dir()).unwrap();
    file.write_all_at(&vec![0u8; 4 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let block = [7u8; 4096];
    let mut samples: Vec<Duration> = (0..500)
        .map(|n| {
            let started = Instant::now();
            file.write_all_at(&block, n * 4096).unwrap();
            file.sync_data().unwrap();
            started.elapsed()
        })
        .collect();
    percentile(&mut samples, 0.5)
}

fn round_trip() -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut byte = [0u8];
        while stream.read_exact(&mut byte).is_ok() {
            stream.write_all(&byte).unwrap();
        }
    });
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut samples: Vec<Duration> = (0..1000)
        .map(|_| {
            let started = Instant::now();
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0u8]).unwrap();
            started.elapsed()
        })
        .collect();
    drop(stream);
    echo.join().unwrap();
    percentile(&mut samples, 0.5)
}
