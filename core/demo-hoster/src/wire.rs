//! Reading and writing HTTP/1.1.

use std::io::{self, BufRead, Read, Write};
use std::net::SocketAddr;

use crate::http::{Body, Request, Response};

const LONGEST_HEAD: u64 = 64 * 1024;
const LONGEST_BODY: u64 = 64 * 1024 * 1024;
/// Large enough that a pack is not slowed down by its framing.
const CHUNK: usize = 64 * 1024;

/// What a request says about the form of its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framing {
    /// The client may send another request on the same connection.
    pub(crate) keep_alive: bool,
    /// HTTP/1.0 knows no chunks.
    chunks: bool,
    /// The client asked for the head alone.
    head_only: bool,
}

/// Reads the next request; `None` when the client has closed the connection.
pub(crate) fn read_request(
    reader: &mut impl BufRead,
    writer: &mut impl Write,
    remote: SocketAddr,
) -> io::Result<Option<(Request, Framing)>> {
    let mut head = reader.take(LONGEST_HEAD);
    let Some(first) = read_line(&mut head)? else {
        return Ok(None);
    };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Err(malformed("request line"));
    };
    let mut headers = Vec::new();
    loop {
        let line = read_line(&mut head)?.ok_or_else(|| malformed("end of the head"))?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("header"))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let modern = version == "HTTP/1.1";
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
        remote,
    };
    let says = |header: &str, word: &str| {
        request
            .header(header)
            .is_some_and(|value| value.to_ascii_lowercase().contains(word))
    };
    let keep_alive = if modern {
        !says("Connection", "close")
    } else {
        says("Connection", "keep-alive")
    };
    if says("Expect", "100-continue") {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    request.body = if says("Transfer-Encoding", "chunked") {
        read_chunks(reader)?
    } else {
        let length = request.header("Content-Length").map_or(Ok(0), str::parse);
        let length: u64 = length.map_err(|_| malformed("Content-Length"))?;
        read_exactly(reader, length)?
    };
    let framing = Framing {
        keep_alive,
        chunks: modern,
        head_only: request.method == "HEAD",
    };
    Ok(Some((request, framing)))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let text = String::from_utf8(line).map_err(|_| malformed("line"))?;
    let text = text.strip_suffix('\n').ok_or_else(|| malformed("line"))?;
    Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

fn read_exactly(reader: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if length > LONGEST_BODY {
        return Err(malformed("body: too long"));
    }
    if reader.take(length).read_to_end(&mut body)? as u64 != length {
        return Err(malformed("body: too short"));
    }
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(reader)?.ok_or_else(|| malformed("chunk"))?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
        if body.len() as u64 + size > LONGEST_BODY {
            return Err(malformed("body: too long"));
        }
        body.extend(read_exactly(reader, size)?);
        // Behind the last chunk come trailers, if any, and an empty line.
        while read_line(reader)?.is_some_and(|line| !line.is_empty()) {}
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Writes an answer with as few writes as possible: with many small ones, delayed acknowledgements
/// cost 40 ms each.
pub(crate) fn write_response(
    out: &mut impl Write,
    response: Response,
    framing: Framing,
) -> io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} {}\r\n",
        response.status,
        reason(response.status)
    );
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !framing.keep_alive {
        head.push_str("Connection: close\r\n");
    }
    match response.body {
        Body::Stream(write) if framing.chunks && !framing.head_only => {
            head.push_str("Transfer-Encoding: chunked\r\n\r\n");
            let mut chunks = Chunks {
                out,
                unsent: head.into_bytes(),
                data: Vec::with_capacity(CHUNK),
            };
            write(&mut chunks)?;
            chunks.finish()
        }
        body => {
            let body = body.into_bytes()?;
            if response.status >= 200 && !matches!(response.status, 204 | 304) {
                head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            }
            head.push_str("\r\n");
            let mut message = head.into_bytes();
            if !framing.head_only {
                message.extend(body);
            }
            out.write_all(&message)
        }
    }
}

struct Chunks<'a, W: Write> {
    out: &'a mut W,
    /// The head, until the first chunk goes out with it.
    unsent: Vec<u8>,
    data: Vec<u8>,
}

impl<W: Write> Chunks<'_, W> {
    fn frame(&mut self) {
        if !self.data.is_empty() {
            self.unsent
                .extend(format!("{:x}\r\n", self.data.len()).as_bytes());
            self.unsent.append(&mut self.data);
            self.unsent.extend(b"\r\n");
        }
    }

    fn send(&mut self) -> io::Result<()> {
        self.frame();
        self.out.write_all(&self.unsent)?;
        self.unsent.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.frame();
        self.unsent.extend(b"0\r\n\r\n");
        self.send()
    }
}

impl<W: Write> Write for Chunks<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.data.extend(data);
        if self.data.len() >= CHUNK {
            self.send()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        410 => "Gone",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Option<(Request, Framing)>> {
        read_request(
            &mut text.as_bytes(),
            &mut Vec::new(),
            SocketAddr::from(([127, 0, 0, 1], 1)),
        )
    }

    #[test]
    fn reads_chunked_bodies_and_decodes_segments() {
        let text = "POST /a%20b/c%2Fd?x=1+2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                    3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        let (request, framing) = read(text).unwrap().unwrap();
        assert_eq!(request.body, b"abcde");
        assert_eq!(request.segments(), ["a b", "c/d"]);
        assert_eq!(request.parameter("x").as_deref(), Some("1 2"));
        assert!(framing.keep_alive);
    }

    #[test]
    fn refuses_what_is_not_http() {
        assert!(read("hello\r\n\r\n").is_err());
        assert!(read("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab").is_err());
        assert!(read("GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n").is_err());
        assert!(read("").unwrap().is_none());
    }
}
