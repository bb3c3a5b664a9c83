//! `scale` and `autoscale`.
//!
//! Differs from Kubernetes: no autoscaler is simulated, and `autoscale` says so unless it only shows the object.
//! Sources: kubectl `pkg/cmd/{scale,autoscale}`.

use super::create::send;
use super::fault::Fault;
use super::find::{self, How};
use super::flags::Flags;
use super::patch;
use super::print::{self, Output};
use super::session::Session;
use crate::object;
use crate::object::Kind;

pub async fn scale(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    flags.require(&["replicas"])?;
    let replicas = flags.number("replicas")?.unwrap_or(-1);
    if replicas < 0 {
        return Err(flags
            .usage("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"));
    }
    let output = Output::of_writer(session, flags).await?;
    let how = How { all_if_unnamed: flags.is_on("all"), latest: true };
    let (infos, mut faults) = find::find(session, flags, &flags.words, how).await?;
    let current = flags.number("current-replicas")?.filter(|it| *it >= 0);
    let mut count = 0;
    for info in infos {
        count += 1;
        if !matches!(
            info.kind,
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController
        ) {
            faults.push(
                Fault::plain("the server could not find the requested resource")
                    .wrap("Error from server (NotFound): "),
            );
            continue;
        }
        let now = info.object["spec"].int("replicas");
        if current.is_some_and(|it| it != now) {
            let text = format!("Expected replicas to be {}, was {now}", current.unwrap_or(0));
            faults.push(Fault::Plain(text));
            continue;
        }
        let mut after = info.object.clone();
        after["spec"].set("replicas", replicas);
        if flags.dry_run()? != "client" {
            let body = object!({"spec": {"replicas": replicas}});
            match patch::send(session, flags, &info, "application/merge-patch+json", &body, "kubectl-scale")
                .await
            {
                Ok(done) => after = done,
                Err(fault) => {
                    find::push(&mut faults, fault)?;
                    continue;
                }
            }
        }
        print::done(session, &output, flags, &after, "scaled")?;
    }
    if count == 0 && faults.is_empty() {
        return Err(Fault::plain("no objects passed to scale"));
    }
    Fault::all(faults)
}

pub async fn autoscale(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    flags.require(&["max"])?;
    let (least, most) = (flags.number("min")?, flags.number("max")?.unwrap_or(0));
    if most < 1 {
        return Err(flags.usage(format!("--max=MAXPODS is required and must be at least 1, max: {most}")));
    }
    if least.is_some_and(|it| it > most) {
        let text = format!(
            "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {}",
            least.unwrap_or(0)
        );
        return Err(flags.usage(text));
    }
    let infos = find::all(session, flags, &flags.words, How { all_if_unnamed: false, latest: true }).await?;
    for info in infos {
        let resource = info.kind.resource();
        let name = flags.or("name", &info.name).to_owned();
        let mut made = object!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": (name.as_str())},
            "spec": {
                "maxReplicas": most,
                "scaleTargetRef": {
                    "apiVersion": (resource.api_version()), "kind": (resource.name), "name": (info.name.as_str())
                }
            },
            "status": {"currentMetrics": null, "desiredReplicas": 0}
        });
        if let Some(least) = least.filter(|it| *it > 0) {
            made["spec"].set("minReplicas", least);
        }
        let percent = flags.or("cpu", flags.get("cpu-percent")).trim_end_matches('%').parse::<i64>();
        if let Ok(percent) = percent {
            let target = object!({"averageUtilization": percent, "type": "Utilization"});
            let metric = object!({"resource": {"name": "cpu", "target": target}, "type": "Resource"});
            made["spec"].set("metrics", vec![metric]);
        }
        send(session, flags, Kind::HorizontalPodAutoscaler, made, "autoscaled", "").await?;
    }
    Ok(())
}
