//! `httpd-foreground`: Apache with its own start page, and the files below its `htdocs`.
//! Differs from Apache: no configuration file, no modules. Source: httpd 2.4 `docs/conf/httpd.conf.in`.

use super::http::{Answer, Handler, serve};
use linux::daemon::Crew;
use linux::{Command, Exit, Sys};
use std::rc::Rc;

pub static HTTPD: Command = Command {
    name: "httpd",
    path: "/usr/local/bin/httpd-foreground",
    man: "httpd(8)",
    run: |sys, _| Box::pin(httpd(sys)),
};

const ROOT: &str = "/usr/local/apache2/htdocs";

async fn httpd(sys: Sys) -> Exit {
    let inner = sys.clone();
    let handler: Handler = Rc::new(move |request, peer, _| {
        let sys = inner.clone();
        Box::pin(async move {
            let path = request.path();
            let file = format!("{ROOT}{path}{}", if path.ends_with('/') { "index.html" } else { "" });
            let inside = !path.split('/').any(|it| it == "..");
            let mut answer = match sys.read_file(&file).await.ok().filter(|_| inside) {
                Some(body) => Answer { body, ..Answer::text(200, "") },
                None => Answer::text(
                    404,
                    "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>404 Not Found</title>\n\
                     </head><body>\n<h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n\
                     </body></html>\n",
                ),
            };
            let kind =
                if file.ends_with(".html") || answer.status == 404 { "text/html" } else { "text/plain" };
            answer.headers = vec![
                ("Server".to_owned(), "Apache/2.4.66 (Unix)".to_owned()),
                ("Content-Type".to_owned(), kind.to_owned()),
            ];
            let line = format!(
                "{} - - \"{} {} {}\" {} {}\n",
                peer.ip().to_canonical(),
                request.method,
                request.target,
                request.version,
                answer.status,
                answer.body.len()
            );
            sys.print(line).await;
            answer
        })
    });
    serve(sys, Crew::default(), &[80], handler).await
}
