//! `config`: contexts, clusters and users of the kubeconfig.
//!
//! Source: kubectl `pkg/cmd/config`.

use super::fault::Fault;
use super::flags::Flags;
use super::session::Session;
use super::tab;
use crate::object;
use crate::object::{Value, json, yaml};

pub async fn config(session: &mut Session<'_>, second: &str, flags: &Flags) -> Result<(), Fault> {
    let words = &flags.words;
    let one = |what: &str| match &words[..] {
        [name] => Ok(name.clone()),
        words => Err(flags.usage(format!("unexpected args: {words:?}{what}"))),
    };
    match second {
        "view" => view(session, flags),
        "current-context" => match session.config.str("current-context") {
            "" => Err(Fault::plain("current-context is not set")),
            name => {
                let text = format!("{name}\n");
                session.print(&text);
                Ok(())
            }
        },
        "get-contexts" => get_contexts(session, flags),
        "get-clusters" => names(session, "clusters"),
        "get-users" => names(session, "users"),
        "use-context" => {
            let name = one("")?;
            if find(&session.config, "contexts", &name).is_none() {
                return Err(Fault::Plain(format!("no context exists with the name: \"{name}\"")));
            }
            session.config.set("current-context", name.as_str());
            save(session).await?;
            session.print(&format!("Switched to context \"{name}\".\n"));
            Ok(())
        }
        "rename-context" => rename(session, flags).await,
        "set-context" => set_context(session, flags).await,
        "set-cluster" => set_cluster(session, flags).await,
        "set-credentials" => set_credentials(session, flags).await,
        "delete-context" => delete(session, "contexts", "context", &one("")?).await,
        "delete-cluster" => delete(session, "clusters", "cluster", &one("")?).await,
        "delete-user" => delete(session, "users", "user", &one("")?).await,
        "set" | "unset" => property(session, flags, second == "set").await,
        _ => {
            if let Some(word) = words.first() {
                return Err(flags.usage(format!("unknown command {word:?}")));
            }
            session.complain(&super::command::help(super::command::command("config")));
            Err(Fault::Silent(1))
        }
    }
}

fn find(config: &Value, list: &str, name: &str) -> Option<usize> {
    config.get(list).items().iter().position(|it| it.str("name") == name)
}

async fn save(session: &mut Session<'_>) -> Result<(), Fault> {
    let text = yaml::print(&session.config);
    let path = session.config_path.clone();
    session.host.write_kubeconfig(&path, text).await.map_err(Fault::Plain)
}

fn view(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let mut config = session.config.clone();
    for (name, value) in [("apiVersion", "v1"), ("kind", "Config")] {
        config.set(name, value);
    }
    if flags.is_on("minify") {
        minify(&mut config, flags)?;
    }
    if !flags.is_on("raw") {
        hide(&mut config);
    }
    for (name, empty) in [
        ("clusters", Value::Null),
        ("contexts", Value::Null),
        ("users", Value::Null),
        ("current-context", Value::from("")),
    ] {
        if !config.has(name) {
            config.set(name, empty);
        }
    }
    match flags.or("output", "yaml") {
        "json" => session.print(&(json::pretty(&config, 4) + "\n")),
        text if text.starts_with("jsonpath=") => {
            let template =
                super::jsonpath::Template::parse(&text["jsonpath=".len()..]).map_err(Fault::Plain)?;
            let text = template.run(&config, true).map_err(Fault::Plain)?;
            session.print(&text);
        }
        _ => session.print(&yaml::print(&config)),
    }
    Ok(())
}

/// Leaves only the context in force with its cluster and user.
fn minify(config: &mut Value, flags: &Flags) -> Result<(), Fault> {
    let name = flags.or("context", config.str("current-context")).to_owned();
    let Some(at) = find(config, "contexts", &name) else {
        return Err(Fault::plain("current-context must exist in order to minify"));
    };
    let context = config["contexts"].items()[at].clone();
    let (cluster, user) =
        (context["context"].str("cluster").to_owned(), context["context"].str("user").to_owned());
    for (list, name) in [("contexts", &name), ("clusters", &cluster), ("users", &user)] {
        config[list].items_mut().retain(|it| it.str("name") == name.as_str());
    }
    Ok(())
}

fn hide(config: &mut Value) {
    for (list, inner) in [("clusters", "cluster"), ("users", "user")] {
        if !config.has(list) {
            continue;
        }
        for it in config[list].items_mut() {
            let entry = &mut it[inner];
            for (name, word) in [
                ("certificate-authority-data", "DATA+OMITTED"),
                ("client-certificate-data", "DATA+OMITTED"),
                ("client-key-data", "DATA+OMITTED"),
                ("token", "REDACTED"),
                ("password", "REDACTED"),
            ] {
                if entry.has(name) {
                    entry.set(name, word);
                }
            }
        }
    }
}

fn get_contexts(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if !["", "name"].contains(&flags.get("output")) {
        return Err(Fault::Plain(format!("output must be one of '' or 'name': {}", flags.get("output"))));
    }
    let current = session.config.str("current-context").to_owned();
    let contexts = session.config.get("contexts").items().to_vec();
    let mut chosen: Vec<&Value> = contexts.iter().collect();
    let mut faults = Vec::new();
    if !flags.words.is_empty() {
        chosen = contexts.iter().filter(|it| flags.words.iter().any(|word| word == it.str("name"))).collect();
        let missing =
            flags.words.iter().filter(|word| !contexts.iter().any(|it| it.str("name") == word.as_str()));
        faults.extend(missing.map(|it| Fault::Plain(format!("context {it} not found"))));
    }
    chosen.sort_by_key(|it| it.str("name"));
    let mut text = String::new();
    if flags.get("output") == "name" {
        chosen.iter().for_each(|it| text += &format!("{}\n", it.str("name")));
        session.print(&text);
        return Fault::all(faults);
    }
    if !flags.is_on("no-headers") {
        text += "CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n";
    }
    for it in chosen {
        let (name, context) = (it.str("name"), it.get("context"));
        let star = if name == current { "*" } else { "" };
        text += &format!(
            "{star}\t{name}\t{}\t{}\t{}\n",
            context.str("cluster"),
            context.str("user"),
            context.str("namespace")
        );
    }
    session.print(&tab::table(&text));
    Fault::all(faults)
}

fn names(session: &mut Session<'_>, list: &str) -> Result<(), Fault> {
    let mut names: Vec<String> =
        session.config.get(list).items().iter().map(|it| it.str("name").to_owned()).collect();
    names.sort();
    session.print(&format!("NAME\n{}", names.iter().map(|it| format!("{it}\n")).collect::<String>()));
    Ok(())
}

async fn rename(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let [from, to] = &flags.words[..] else {
        return Err(flags.usage(format!("unexpected args: {:?}", flags.words)));
    };
    let Some(at) = find(&session.config, "contexts", from) else {
        return Err(Fault::Plain(format!(
            "cannot rename the context \"{from}\", it's not in the kubeconfig"
        )));
    };
    if find(&session.config, "contexts", to).is_some() {
        return Err(Fault::Plain(format!(
            "cannot rename the context \"{from}\", the context \"{to}\" already exists"
        )));
    }
    session.config["contexts"].items_mut()[at].set("name", to.as_str());
    if session.config.str("current-context") == from {
        session.config.set("current-context", to.as_str());
    }
    save(session).await?;
    session.print(&format!("Context \"{from}\" renamed to \"{to}\".\n"));
    Ok(())
}

/// The entry under that name, made if there is none; and whether it was.
fn entry<'a>(config: &'a mut Value, list: &str, inner: &str, name: &str) -> (&'a mut Value, bool) {
    let found = find(config, list, name);
    let at = found.unwrap_or_else(|| {
        let mut entry = object!({"name": name});
        entry.set(inner, Value::map());
        config[list].push(entry);
        config.get(list).len() - 1
    });
    (&mut config[list].items_mut()[at][inner], found.is_none())
}

fn fill(entry: &mut Value, flags: &Flags, names: &[(&str, &str)]) {
    for (flag, field) in names.iter().filter(|(flag, _)| flags.has(flag)) {
        match flags.get(flag) {
            "" => {
                entry.remove(field);
            }
            value => entry.set(field, value),
        }
    }
}

async fn set_context(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = match (&flags.words[..], flags.is_on("current")) {
        ([], true) => session.config.str("current-context").to_owned(),
        ([name], false) => name.clone(),
        ([], false) => return Err(Fault::plain("you must specify a non-empty context name or --current")),
        ([_], true) => return Err(Fault::plain("you cannot specify both a context name and --current")),
        (words, _) => return Err(flags.usage(format!("unexpected args: {words:?}"))),
    };
    if name.is_empty() {
        return Err(Fault::plain("no current context is set"));
    }
    let (entry, is_new) = entry(&mut session.config, "contexts", "context", &name);
    fill(entry, flags, &[("cluster", "cluster"), ("user", "user"), ("namespace", "namespace")]);
    save(session).await?;
    session.print(&format!("Context \"{name}\" {}.\n", if is_new { "created" } else { "modified" }));
    Ok(())
}

async fn set_cluster(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let [name] = &flags.words[..] else {
        return Err(flags.usage(format!("unexpected args: {:?}", flags.words)));
    };
    let (entry, _) = entry(&mut session.config, "clusters", "cluster", name);
    let names = [
        ("server", "server"),
        ("certificate-authority", "certificate-authority"),
        ("tls-server-name", "tls-server-name"),
        ("proxy-url", "proxy-url"),
    ];
    fill(entry, flags, &names);
    if flags.has("insecure-skip-tls-verify") {
        entry.set("insecure-skip-tls-verify", flags.is_on("insecure-skip-tls-verify"));
    }
    save(session).await?;
    session.print(&format!("Cluster \"{name}\" set.\n"));
    Ok(())
}

async fn set_credentials(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let [name] = &flags.words[..] else {
        return Err(flags.usage(format!("unexpected args: {:?}", flags.words)));
    };
    let (entry, _) = entry(&mut session.config, "users", "user", name);
    let names = [
        ("client-certificate", "client-certificate"),
        ("client-key", "client-key"),
        ("token", "token"),
        ("username", "username"),
        ("password", "password"),
    ];
    fill(entry, flags, &names);
    save(session).await?;
    session.print(&format!("User \"{name}\" set.\n"));
    Ok(())
}

async fn delete(session: &mut Session<'_>, list: &str, what: &str, name: &str) -> Result<(), Fault> {
    let file = "/root/.kube/config";
    let Some(at) = find(&session.config, list, name) else {
        return Err(Fault::Plain(format!("cannot delete {what} {name}, not in {file}")));
    };
    if what == "context" && session.config.str("current-context") == name {
        session.complain("warning: this removed your active context, use \"kubectl config use-context\" to select a different one\n");
    }
    session.config[list].items_mut().remove(at);
    save(session).await?;
    session.print(&format!("deleted {what} {name} from {file}\n"));
    Ok(())
}

/// `set contexts.foo.namespace bar`: a property by its path.
async fn property(session: &mut Session<'_>, flags: &Flags, sets: bool) -> Result<(), Fault> {
    let (path, value) = match (&flags.words[..], sets) {
        ([path, value], true) => (path, value.as_str()),
        ([path], false) => (path, ""),
        (words, _) => return Err(flags.usage(format!("unexpected args: {words:?}"))),
    };
    let parts: Vec<&str> = path.split('.').collect();
    let inner = match parts[0] {
        "clusters" => "cluster",
        "contexts" => "context",
        "users" => "user",
        _ => "",
    };
    match (&parts[..], inner) {
        ([name], "") if sets => session.config.set(name, value),
        ([name], _) if !sets => {
            session.config.remove(name);
        }
        ([list, name], inner) if !inner.is_empty() && !sets => {
            session.config[*list].items_mut().retain(|it| it.str("name") != *name);
        }
        ([list, name, field], inner) if !inner.is_empty() => {
            let (entry, _) = entry(&mut session.config, list, inner, name);
            if sets {
                entry.set(field, value);
            } else {
                entry.remove(field);
            }
        }
        _ => return Err(Fault::Plain(format!("unable to locate path {path:?}"))),
    }
    save(session).await?;
    session.print(&format!("Property \"{path}\" {}set.\n", if sets { "" } else { "un" }));
    Ok(())
}
