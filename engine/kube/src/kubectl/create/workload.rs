//! `create deployment`, `job` and `cronjob`.

use super::{app_label, send};
use crate::kubectl::fault::Fault;
use crate::kubectl::find;
use crate::kubectl::flags::Flags;
use crate::kubectl::session::Session;
use crate::object;
use crate::object::{Kind, Value};

/// An image's last word as a container's name: `registry/nginx:1.27@…` is `nginx`.
fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let last = last.split([':', '@']).next().unwrap_or(last);
    last.replace(['_', '.'], "-")
}

fn words(after: &[String]) -> Value {
    Value::list(after.iter().map(Value::from).collect())
}

pub async fn deployment(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    flags.require(&["image"])?;
    let name = flags.name()?;
    let images = flags.all("image");
    if images.len() > 1 && flags.has_dashes {
        return Err(Fault::plain("cannot specify multiple --image options and command"));
    }
    let mut containers = Vec::new();
    for image in &images {
        let mut container = object!({"image": image, "name": (container_name(image))});
        if !flags.after.is_empty() {
            container.set("command", words(&flags.after));
        }
        containers.push(container);
    }
    if let Some(port) = flags.number("port")?.filter(|it| *it >= 0)
        && let Some(first) = containers.first_mut()
    {
        first.set("ports", vec![object!({"containerPort": port})]);
    }
    let replicas = flags.number("replicas")?.unwrap_or(1);
    if replicas < 0 {
        return Err(Fault::Plain(format!("invalid replicas: {replicas}")));
    }
    let made = object!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": (app_label(name)), "name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": (app_label(name))},
            "template": {"metadata": {"labels": (app_label(name))}, "spec": {"containers": containers}}
        }
    });
    send(session, flags, Kind::Deployment, made, "created", "failed to create deployment: ").await
}

pub async fn job(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    match (flags.get("image"), flags.get("from")) {
        ("", "") => return Err(Fault::plain("either --image or --from must be specified")),
        (image, from) if !image.is_empty() && !from.is_empty() => {
            return Err(Fault::plain("either --image or --from must be specified"));
        }
        _ => {}
    }
    if flags.has("from") {
        return from(session, flags, name).await;
    }
    let mut container = object!({"image": (flags.get("image")), "name": name});
    if !flags.after.is_empty() {
        container.set("command", words(&flags.after));
    }
    let made = object!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}}
    });
    send(session, flags, Kind::Job, made, "created", "failed to create job: ").await
}

async fn from(session: &mut Session<'_>, flags: &Flags, name: &str) -> Result<(), Fault> {
    let infos = find::all(session, flags, &[flags.get("from").to_owned()], find::How::default()).await?;
    let [info] = &infos[..] else {
        return Err(Fault::plain("from must be an existing cronjob"));
    };
    if info.kind != Kind::CronJob {
        return Err(Fault::Plain(format!("unknown object type {}", info.kind.name())));
    }
    let template = info.object.at(&["spec", "jobTemplate"]);
    let mut annotations = template.at(&["metadata", "annotations"]).clone();
    annotations.set("cronjob.kubernetes.io/instantiate", "manual");
    let made = object!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"annotations": annotations, "labels": (template.at(&["metadata", "labels"])), "name": name},
        "spec": (template.get("spec"))
    });
    send(session, flags, Kind::Job, made, "created", "failed to create job: ").await
}

pub async fn cron_job(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    flags.require(&["image", "schedule"])?;
    let name = flags.name()?;
    let mut container = object!({"image": (flags.get("image")), "name": name});
    if !flags.after.is_empty() {
        container.set("command", words(&flags.after));
    }
    let restart = flags.or("restart", "OnFailure");
    let made = object!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        "spec": {
            "jobTemplate": {
                "metadata": {"name": name},
                "spec": {"template": {"metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}}}
            },
            "schedule": (flags.get("schedule"))
        }
    });
    send(session, flags, Kind::CronJob, made, "created", "failed to create cronjob: ").await
}
