//! A small mail server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How it speaks.
#[derive(Clone)]
pub enum Speaks {
    Plain,
    StartTls(Arc<ServerConfig>),
    Tls(Arc<ServerConfig>),
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub encrypted: bool,
    /// The commands before it.
    pub commands: Vec<String>,
    /// Its head and its body, as they were sent.
    pub text: String,
}

/// A mail server on loopback; it ends with the process.
pub struct Server {
    pub port: u16,
    mails: Arc<Mutex<Vec<Received>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One that takes every mail, from whoever logs in with whatever, unless `refuses` the login.
    pub fn start(speaks: &Speaks, refuses: bool) -> Self {
        // Both: an address that is none of this machine's by its looks leads here too.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            mails: Arc::default(),
            commands: Arc::default(),
        };
        let (mails, commands) = (Arc::clone(&server.mails), Arc::clone(&server.commands));
        let speaks = speaks.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (mails, commands) = (Arc::clone(&mails), Arc::clone(&commands));
                let speaks = speaks.clone();
                thread::spawn(move || {
                    let mut session = Session {
                        said: Vec::new(),
                        all: commands,
                        mails,
                        refuses,
                    };
                    match speaks {
                        Speaks::Plain => {
                            let _ = session.talk(client, false, None, true);
                        }
                        Speaks::Tls(config) => {
                            let tls = ServerConnection::new(config).unwrap();
                            let stream = StreamOwned::new(tls, client);
                            let _ = session.talk(stream, true, None, true);
                        }
                        Speaks::StartTls(config) => {
                            let copy = client.try_clone().unwrap();
                            if session.talk(client, false, Some(()), true) == Some(true) {
                                let tls = ServerConnection::new(config).unwrap();
                                let stream = StreamOwned::new(tls, copy);
                                let _ = session.talk(stream, true, None, false);
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// The mails that have come since it was last asked.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.mails.lock())
    }

    /// All that clients have said, mails apart.
    pub fn commands(&self) -> Vec<String> {
        self.commands.lock().clone()
    }
}

struct Session {
    said: Vec<String>,
    all: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<Received>>>,
    refuses: bool,
}

impl Session {
    /// Whether the client begins TLS now.
    fn talk<S: Read + Write>(
        &mut self,
        stream: S,
        encrypted: bool,
        offers_tls: Option<()>,
        greets: bool,
    ) -> Option<bool> {
        let mut stream = BufReader::new(stream);
        let say = |stream: &mut BufReader<S>, text: &str| {
            let stream = stream.get_mut();
            stream.write_all(format!("{text}\r\n").as_bytes()).ok()?;
            stream.flush().ok()
        };
        if greets {
            say(&mut stream, "220 fake ESMTP")?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            self.said.push(line.clone());
            self.all.lock().push(line.clone());
            let word = line.split(' ').next().unwrap().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" => {
                    if offers_tls.is_some() {
                        say(&mut stream, "250-STARTTLS")?;
                    }
                    say(&mut stream, "250-8BITMIME\r\n250 AUTH PLAIN LOGIN")?;
                }
                "STARTTLS" if offers_tls.is_some() => {
                    say(&mut stream, "220 go on")?;
                    return Some(true);
                }
                "AUTH" if self.refuses => {
                    say(&mut stream, "535 5.7.139 Authentication unsuccessful")?
                }
                "AUTH" => say(&mut stream, "235 welcome")?,
                "DATA" => {
                    say(&mut stream, "354 go on")?;
                    let mut text = String::new();
                    loop {
                        let mut line = String::new();
                        stream.read_line(&mut line).ok()?;
                        if line == ".\r\n" {
                            break;
                        }
                        text.push_str(&line);
                    }
                    let commands = self.said.clone();
                    let mail = Received {
                        encrypted,
                        commands,
                        text,
                    };
                    self.mails.lock().push(mail);
                    say(&mut stream, "250 taken")?;
                }
                "QUIT" => {
                    say(&mut stream, "221 bye")?;
                    return Some(false);
                }
                _ => say(&mut stream, "250 yes")?,
            }
        }
    }
}
