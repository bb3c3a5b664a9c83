//! `nginx`: the web server of `linux::daemon`, with the configuration that stands in `/etc/nginx/conf.d`.
//! Simulated options: -g, -v, -t. Differs from nginx: `/etc/nginx/nginx.conf` is read only where there is no `conf.d`.

use linux::{Args, Command, Exit, Signal, Sys};

pub static NGINX: Command = Command {
    name: "nginx",
    path: "/usr/sbin/nginx",
    man: "nginx(8)",
    run: |sys, args| Box::pin(nginx(sys, args)),
};

const CONF_DIR: &str = "/etc/nginx/conf.d";

async fn nginx(sys: Sys, args: Args) -> Exit {
    let words = args.rest();
    if words.iter().any(|it| it == "-v") {
        sys.eprint("nginx version: nginx/1.22.1\n").await;
        return Exit::OK;
    }
    let mut names: Vec<String> =
        sys.read_dir(CONF_DIR).await.unwrap_or_default().into_iter().map(|it| it.name).collect();
    names.retain(|name| name.ends_with(".conf"));
    names.sort();
    let mut text = "access_log /dev/stdout;\n".to_owned();
    for name in names {
        let path = format!("{CONF_DIR}/{name}");
        text += &String::from_utf8_lossy(&sys.read_file(&path).await.unwrap_or_default());
    }
    let server = match linux::daemon::Nginx::parse(&text) {
        Ok(server) => server,
        Err(complaint) => {
            sys.eprint(format!("{complaint}\n")).await;
            return Exit::FAILURE;
        }
    };
    if words.iter().any(|it| it == "-t") {
        let words = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n\
                     nginx: configuration file /etc/nginx/nginx.conf test is successful\n";
        sys.eprint(words).await;
        return Exit::OK;
    }
    sys.catch(Signal::Term).await;
    sys.catch(Signal::Quit).await;
    match server.serve(sys.clone()).await {
        Ok(()) => Exit::OK,
        Err(errno) => {
            sys.eprint(format!("nginx: [emerg] bind() to 0.0.0.0:80 failed ({errno})\n")).await;
            Exit::FAILURE
        }
    }
}
