//! `redis-server`: keys and values in memory, over RESP and inline commands.
//! Simulated: PING, ECHO, SET, GET, DEL, INCR, EXISTS, KEYS *, DBSIZE, FLUSHALL, QUIT; `--port`.
//! Source: redis.io "RESP protocol specification".

use linux::daemon::Crew;
use linux::socket::Socket;
use linux::{Args, Command, Exit, Signal, Sys};
use net::Errno;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

pub static REDIS_SERVER: Command = Command {
    name: "redis-server",
    path: "/usr/local/bin/redis-server",
    man: "https://redis.io/docs/",
    run: |sys, args| Box::pin(redis(sys, args)),
};

/// Keys held; one more is an error.
const KEYS: usize = 10_000;
const LINE_BYTES: usize = 64 << 10;

type Data = Rc<RefCell<BTreeMap<String, String>>>;

async fn redis(sys: Sys, args: Args) -> Exit {
    let named = args.rest().windows(2).find(|it| it[0] == "--port").and_then(|it| it[1].parse().ok());
    let port = named.unwrap_or(6379);
    sys.catch(Signal::Term).await;
    let Ok(listener) = sys.listen(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port), 511).await else {
        sys.print(format!("1:M # Warning: Could not create server TCP listening socket *:{port}: bind: Address already in use\n")).await;
        return Exit::FAILURE;
    };
    sys.print("1:M * Ready to accept connections tcp\n").await;
    let (crew, data) = (Crew::default(), Data::default());
    let inner = crew.clone();
    crew.add(inner.serve(listener, move |connection, _| {
        let data = Rc::clone(&data);
        async move { converse(&connection, &data).await.unwrap_or_default() }
    }));
    crew.run().await;
    Exit::OK
}

async fn converse(connection: &Socket, data: &Data) -> Result<(), Errno> {
    let mut buffer = Vec::new();
    loop {
        let Some(words) = command(connection, &mut buffer).await? else { return Ok(()) };
        let answer = answer(&words, data);
        connection.write(answer.as_bytes(), None).await?;
        if words.first().is_some_and(|it| it.eq_ignore_ascii_case("quit")) {
            return Ok(());
        }
    }
}

async fn line(connection: &Socket, buffer: &mut Vec<u8>) -> Result<Option<String>, Errno> {
    loop {
        if let Some(at) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=at).collect();
            return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
        }
        let some = connection.read(None).await?.unwrap_or_default();
        if some.is_empty() || buffer.len() > LINE_BYTES {
            return Ok(None);
        }
        buffer.extend(some);
    }
}

/// The words of the next command; `None` at the end.
async fn command(connection: &Socket, buffer: &mut Vec<u8>) -> Result<Option<Vec<String>>, Errno> {
    let Some(first) = line(connection, buffer).await? else { return Ok(None) };
    let Some(count) = first.strip_prefix('*').and_then(|it| it.parse::<usize>().ok()) else {
        return Ok(Some(first.split_whitespace().map(str::to_owned).collect()));
    };
    let mut words = Vec::new();
    for _ in 0..count.min(1024) {
        // Its length, which a line without line ends inside does not need.
        if line(connection, buffer).await?.is_none() {
            return Ok(None);
        }
        let Some(word) = line(connection, buffer).await? else { return Ok(None) };
        words.push(word);
    }
    Ok(Some(words))
}

fn answer(words: &[String], data: &Data) -> String {
    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
    let mut data = data.borrow_mut();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let verb = words.first().unwrap_or(&"").to_ascii_uppercase();
    match (verb.as_str(), words.get(1..).unwrap_or_default()) {
        ("", _) => String::new(),
        ("PING", []) => "+PONG\r\n".to_owned(),
        ("PING" | "ECHO", [text]) => bulk(text),
        ("SET", [_, _]) if data.len() >= KEYS => {
            "-OOM command not allowed when used memory > 'maxmemory'.\r\n".to_owned()
        }
        ("SET", [name, value]) => {
            data.insert((*name).to_owned(), (*value).to_owned());
            "+OK\r\n".to_owned()
        }
        ("GET", [name]) => data.get(*name).map_or_else(|| "$-1\r\n".to_owned(), |it| bulk(it)),
        ("DEL", names) => format!(":{}\r\n", names.iter().filter(|it| data.remove(**it).is_some()).count()),
        ("EXISTS", names) => format!(":{}\r\n", names.iter().filter(|it| data.contains_key(**it)).count()),
        ("INCR", [name]) => match data.get(*name).map_or(Ok(0), |it| it.parse::<i64>()) {
            Ok(number) => {
                let number = number.saturating_add(1);
                data.insert((*name).to_owned(), number.to_string());
                format!(":{number}\r\n")
            }
            Err(_) => "-ERR value is not an integer or out of range\r\n".to_owned(),
        },
        ("KEYS", ["*"]) => {
            format!("*{}\r\n", data.len()) + &data.keys().map(|it| bulk(it)).collect::<String>()
        }
        ("DBSIZE", []) => format!(":{}\r\n", data.len()),
        ("FLUSHALL", []) => {
            data.clear();
            "+OK\r\n".to_owned()
        }
        ("QUIT", []) => "+OK\r\n".to_owned(),
        ("PING" | "ECHO" | "GET" | "SET" | "INCR", _) => {
            format!("-ERR wrong number of arguments for '{}' command\r\n", verb.to_lowercase())
        }
        _ => {
            format!("-ERR unknown command '{}', with args beginning with: \r\n", words.first().unwrap_or(&""))
        }
    }
}
