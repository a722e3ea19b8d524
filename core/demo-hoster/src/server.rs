//! HTTP on loopback: one thread accepts, one thread for each open connection serves.
//!
//! A client keeps as many connections as it has workers, so threads stay few; and one slow answer
//! never delays another connection's.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Error;
use crate::http::{Reply, Request};
use crate::wire::{read_request, write_response};
use parking_lot::{Condvar, Mutex, MutexGuard};

/// How long stopping waits for answers in progress; their sockets are closed already.
const LONGEST_STOP: Duration = Duration::from_secs(2);

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request; called from many threads at once.
    fn handle(&self, request: Request) -> Reply;
}

/// A port on loopback that nobody answers yet, so that its address can be told first.
#[derive(Debug)]
pub struct Socket {
    listener: TcpListener,
    address: SocketAddr,
}

impl Socket {
    /// Takes a free port on 127.0.0.1.
    pub fn bind() -> Result<Self, Error> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("open a port"))?;
        let address = listener
            .local_addr()
            .map_err(Error::io("read its own address"))?;
        Ok(Self { listener, address })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A running server; dropping it closes the port and every connection.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    stopping: AtomicBool,
    open: Mutex<HashMap<SocketAddr, TcpStream>>,
    closed: Condvar,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<SocketAddr, TcpStream>> {
        self.open.lock()
    }
}

impl Server {
    /// Starts to answer.
    pub fn start(socket: Socket, handler: Arc<dyn Handler>) -> Result<Self, Error> {
        let Socket { listener, address } = socket;
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
            closed: Condvar::new(),
        });
        let inner = Arc::clone(&shared);
        let accepting = thread::Builder::new()
            .name("demo-hoster".to_owned())
            .spawn(move || accept(&listener, &handler, &inner))
            .map_err(Error::io("start a thread"))?;
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
        })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Accepting has no time limit: a connection wakes it.
        let woken = TcpStream::connect(self.address);
        if let Some(thread) = self.accepting.take()
            && woken.is_ok()
        {
            thread.join().ok();
        }
        let mut open = self.shared.open();
        for stream in open.values() {
            stream.shutdown(Shutdown::Both).ok();
        }
        let closed = &self.shared.closed;
        closed.wait_while_for(&mut open, |open| !open.is_empty(), LONGEST_STOP);
    }
}

fn accept(listener: &TcpListener, handler: &Arc<dyn Handler>, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, remote)) = accepted else {
            // Out of file descriptors, most likely; that passes.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let Ok(registered) = Registered::new(&stream, remote, shared) else {
            continue;
        };
        let handler = Arc::clone(handler);
        let serving = move || {
            // An error here is the client's going away; the next connection is another story.
            serve(stream, remote, handler.as_ref()).ok();
            drop(registered);
        };
        thread::Builder::new()
            .name("demo-hoster".to_owned())
            .spawn(serving)
            .ok();
    }
}

/// A connection's entry in the list of open ones, which ends with it, even by a panic.
struct Registered {
    shared: Arc<Shared>,
    remote: SocketAddr,
}

impl Registered {
    fn new(stream: &TcpStream, remote: SocketAddr, shared: &Arc<Shared>) -> io::Result<Self> {
        shared.open().insert(remote, stream.try_clone()?);
        Ok(Self {
            shared: Arc::clone(shared),
            remote,
        })
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // The entry holds a handle of the socket: without this the client would not see the end.
        if let Some(stream) = self.shared.open().remove(&self.remote) {
            stream.shutdown(Shutdown::Both).ok();
        }
        self.shared.closed.notify_all();
    }
}

fn serve(mut stream: TcpStream, remote: SocketAddr, handler: &dyn Handler) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some((request, framing)) = read_request(&mut reader, &mut stream, remote)? {
        match handler.handle(request) {
            Reply::Response(response) => write_response(&mut stream, response, framing)?,
            Reply::TakeOver(write) => return write(&mut stream),
        }
        if !framing.keep_alive {
            break;
        }
    }
    Ok(())
}
