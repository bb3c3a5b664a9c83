//! The first words of https://: what curl's OpenSSL says, and what comes of the answer.
//!
//! Differs from curl: see [`crate::tls`]; a certificate has no dates. Source: curl 7.88.1 `lib/vtls/openssl.c`; RFC 8446
//! (ClientHello).

use super::handle::{Failure, Handle};
use super::show::Mark;
use super::url::Url;
use crate::resolver;
use crate::socket::Socket;
use crate::tls::{self, Certificate, Heard};
use net::Errno;

const MORE: &str = "\nMore details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the \
    server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix \
    it, please visit the web page mentioned above.";

impl Handle<'_> {
    /// The greeting of https://, and whether the one who answers is to be believed.
    pub async fn greet(&mut self, socket: &Socket, url: &Url) -> Result<(), Failure> {
        self.show.info("ALPN: offers h2,http/1.1").await;
        self.show.data(Mark::DataOut, 5).await;
        self.show.info("TLSv1.3 (OUT), TLS handshake, Client hello (1):").await;
        self.show.data(Mark::DataOut, 512).await;
        let file = self.options.authority.clone();
        let mut authority = None;
        if !self.options.insecure {
            let path = file.as_deref().unwrap_or("/etc/ssl/certs/ca-certificates.crt");
            let read = self.sys.read_file(path).await;
            if file.is_some() && read.is_err() {
                return Err(self.fail(77, format!("error setting certificate file: {path}")).await);
            }
            authority = read.ok().map(|it| tls::digest(&it));
            self.show.info(format!(" CAfile: {path}")).await;
            self.show
                .info(format!(" CApath: {}", if file.is_some() { "none" } else { "/etc/ssl/certs" }))
                .await;
        }
        let hello = self.hello(url).await;
        let deadline = self.deadline(true);
        let mut begun = Vec::new();
        let mut answer = socket.write(&hello, deadline).await.map(|_| Some(Vec::new()));
        let certificate = loop {
            match answer {
                Ok(Some(bytes)) => {
                    begun.extend(bytes);
                    match tls::heard(&begun) {
                        Heard::Certificate(certificate, _) => break certificate,
                        Heard::Begun => {}
                        Heard::Wrong => return Err(self.answered_wrongly().await),
                    }
                }
                Ok(None) => return Err(self.timed_out(deadline == self.deadline(false)).await),
                Err(errno) => return Err(self.broken(url, errno).await),
            }
            answer = socket.read(deadline).await;
            if matches!(&answer, Ok(Some(bytes)) if bytes.is_empty()) {
                let place = format!("{}:{} ", url.host, url.port());
                let text = format!("OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to {place}");
                return Err(self.fail(35, text).await);
            }
        };
        self.verify(&certificate, &url.host, authority).await
    }

    async fn verify(
        &mut self,
        certificate: &Certificate,
        host: &str,
        authority: Option<String>,
    ) -> Result<(), Failure> {
        self.show.info("TLSv1.3 (IN), TLS handshake, Server hello (2):").await;
        self.show.info("TLSv1.3 (IN), TLS handshake, Certificate (11):").await;
        let unknown = "unable to get local issuer certificate";
        if !self.options.insecure && authority.as_ref() != Some(&certificate.authority) {
            return Err(self.doubted(format!("SSL certificate problem: {unknown}")).await);
        }
        let name = certificate.name_of(host);
        self.show.info("SSL connection using TLSv1.3 / TLS_SHA256_SHA256").await;
        self.show.info("ALPN: server accepted http/1.1").await;
        self.show.info("Server certificate:").await;
        self.show.info(format!(" subject: CN={}", certificate.subject)).await;
        match name {
            _ if self.options.insecure => {}
            Some(name) => {
                let text = format!(" subjectAltName: host \"{host}\" matched cert's \"{name}\"");
                self.show.info(text).await;
            }
            None => {
                self.show.info(format!(" subjectAltName does not match {host}")).await;
                let text = "SSL: no alternative certificate subject name matches target host name";
                return Err(self.doubted(format!("{text} '{host}'")).await);
            }
        }
        self.show.info(format!(" issuer: CN={}", certificate.issuer)).await;
        let verdict = match self.options.insecure {
            true => format!(" SSL certificate verify result: {unknown} (20), continuing anyway."),
            false => " SSL certificate verify ok.".to_owned(),
        };
        self.show.info(verdict).await;
        Ok(())
    }

    /// With where to read on.
    async fn doubted(&mut self, text: String) -> Failure {
        self.show.info(&text).await;
        Failure::new(60, text + MORE)
    }

    async fn answered_wrongly(&mut self) -> Failure {
        self.show.data(Mark::DataIn, 5).await;
        let text = "OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number";
        self.fail(35, text.to_owned()).await
    }

    async fn timed_out(&mut self, is_whole: bool) -> Failure {
        if !is_whole {
            return self.fail(28, String::from("SSL connection timeout")).await;
        }
        let millis = (self.sys.now().await - self.single).as_millis();
        self.fail(28, format!("Connection timed out after {millis} milliseconds")).await
    }

    async fn broken(&mut self, url: &Url, errno: Errno) -> Failure {
        let failure = self.fail(35, format!("Recv failure: {errno}")).await;
        let place = format!("{}:{} ", url.host, url.port());
        self.show.info(format!("OpenSSL SSL_connect: {errno} in connection to {place}")).await;
        failure
    }

    /// A ClientHello as OpenSSL 3.0 sends it for curl, padded to 512 bytes.
    async fn hello(&self, url: &Url) -> Vec<u8> {
        const SUITES: &[u8] = &[
            0x13, 0x02, 0x13, 0x03, 0x13, 0x01, 0xc0, 0x2c, 0xc0, 0x30, 0x00, 0x9f, 0xcc, 0xa9, 0xcc, 0xa8,
            0xcc, 0xaa, 0xc0, 0x2b, 0xc0, 0x2f, 0x00, 0x9e, 0xc0, 0x24, 0xc0, 0x28, 0x00, 0x6b, 0xc0, 0x23,
            0xc0, 0x27, 0x00, 0x67, 0xc0, 0x0a, 0xc0, 0x14, 0x00, 0x39, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x33,
            0x00, 0x9d, 0x00, 0x9c, 0x00, 0x3d, 0x00, 0x3c, 0x00, 0x35, 0x00, 0x2f, 0x00, 0xff,
        ];
        let random: Vec<u8> = self
            .sys
            .ask(|system, _| (0..12).flat_map(|_| system.random.next_u64().to_be_bytes()).collect())
            .await;
        let mut extensions = Vec::new();
        if resolver::address(&url.host).is_none() {
            let name = url.host.as_bytes();
            let length = name.len() as u16;
            extensions.extend([[0, 0], (length + 5).to_be_bytes(), (length + 3).to_be_bytes()].concat());
            extensions.push(0);
            extensions.extend(length.to_be_bytes());
            extensions.extend(name);
        }
        extensions.extend([
            0, 0x0b, 0, 4, 3, 0, 1, 2, 0, 0x0a, 0, 0x16, 0, 0x14, 0, 0x1d, 0, 0x17, 0, 0x1e, 0, 0x19, 0,
            0x18, 1, 0, 1, 1, 1, 2, 1, 3, 1, 4, 0, 0x10, 0, 0x0e, 0, 0x0c, 2,
        ]);
        extensions.extend(b"h2\x08http/1.1");
        extensions.extend([
            0, 0x16, 0, 0, 0, 0x17, 0, 0, 0, 0x31, 0, 0, 0, 0x0d, 0, 0x2a, 0, 0x28, 4, 3, 5, 3, 6, 3, 8, 7,
            8, 8, 8, 9, 8, 0x0a, 8, 0x0b, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1, 3, 3, 3, 1, 3, 2, 4, 2, 5, 2,
            6, 2, 0, 0x2b, 0, 9, 8, 3, 4, 3, 3, 3, 2, 3, 1, 0, 0x2d, 0, 2, 1, 1, 0, 0x33, 0, 0x26, 0, 0x24,
            0, 0x1d, 0, 0x20,
        ]);
        extensions.extend(&random[64..96]);
        let mut hello = vec![3, 3];
        hello.extend(&random[..32]);
        hello.push(32);
        hello.extend(&random[32..64]);
        hello.extend((SUITES.len() as u16).to_be_bytes());
        hello.extend(SUITES);
        hello.extend([1, 0]);
        let room = 508usize.saturating_sub(hello.len() + 2 + extensions.len());
        if room >= 4 {
            extensions.extend([0, 0x15]);
            extensions.extend((room as u16 - 4).to_be_bytes());
            extensions.resize(extensions.len() + room - 4, 0);
        }
        hello.extend((extensions.len() as u16).to_be_bytes());
        hello.extend(extensions);
        let mut record = vec![0x16, 3, 1];
        record.extend((hello.len() as u16 + 4).to_be_bytes());
        record.extend([1, 0]);
        record.extend((hello.len() as u16).to_be_bytes());
        record.extend(hello);
        record
    }
}
