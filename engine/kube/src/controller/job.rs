//! Job: pods that run until enough of them have ended well.
//!
//! Always: a failed pod is replaced after 10 s, 20 s, 40 s … up to 6 minutes, until `backoffLimit`.
//! Differs from Kubernetes: pods carry no tracking finalizer, so one that is deleted after its end is no longer
//! counted; no pod failure policy, no success policy, no backoff limit per index.
//! Source: kubernetes `pkg/controller/job`.

use super::{Controller, Event, Plan, View, Write, pod, replicaset, wake_itself, wake_owner};
use crate::api::scale::set_condition;
use crate::object;
use crate::object::{Kind, Time, Value};
use crate::store::Key;
use std::collections::BTreeSet;

const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const FIRST_PAUSE: i64 = 10;
const LONGEST_PAUSE: i64 = 360;

pub const JOB: Controller = Controller {
    name: "job-controller",
    wakes: |_, change, keys| {
        wake_itself(Kind::Job, change, keys);
        if change.kind == Kind::Pod {
            wake_owner(Kind::Job, change, keys);
        }
    },
    reconcile,
};

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(job) = view.store.get(Kind::Job, &key.namespace, &key.name) else { return plan };
    if pod::is_terminating(job) {
        return plan;
    }
    let ended = ["Complete", "Failed"].iter().find(|it| pod::condition(job, it).str("status") == "True");
    if let Some(ended) = ended {
        expire(view, &mut plan, job, pod::condition(job, ended));
        return plan;
    }
    let pods: Vec<&Value> = pod::owned(view.store, job["metadata"].str("uid")).collect();
    let tally = Tally::of(job, &pods);
    let mut status = tally.status(job);
    let is_suspended = job["spec"].is_true("suspend");
    if status.str("startTime").is_empty() && !is_suspended {
        status.set("startTime", view.now.rfc3339());
    }
    if let Some((reason, message)) = tally.failure(view, &mut plan, job) {
        finish(view, &mut status, [("FailureTarget", "Failed"), (reason, message)]);
        end(&mut plan, job, &tally);
        plan.write(Write::Tell(Event::warning(job, reason, message)));
    } else if tally.is_complete(job) {
        finish(
            view,
            &mut status,
            [
                ("SuccessCriteriaMet", "Complete"),
                ("CompletionsReached", "Reached expected number of succeeded pods"),
            ],
        );
        status.set("completionTime", view.now.rfc3339());
        end(&mut plan, job, &tally);
        plan.write(Write::Tell(Event::normal(job, "Completed", "Job completed")));
    } else if is_suspended {
        end(&mut plan, job, &tally);
        set_condition(&mut status, "Suspended", "True", "JobSuspended", "Job suspended", view.now);
    } else {
        if pod::condition(job, "Suspended").str("status") == "True" {
            set_condition(&mut status, "Suspended", "False", "JobResumed", "Job resumed", view.now);
            status.set("startTime", view.now.rfc3339());
        }
        tally.fill(view, &mut plan, job);
    }
    plan.status(Kind::Job, job, status);
    plan
}

/// Sets the condition that names what is meant, and the one that ends the Job.
fn finish(view: &View, status: &mut Value, [(target, end), (reason, message)]: [(&str, &str); 2]) {
    for kind in [target, end] {
        set_condition(status, kind, "True", reason, message, view.now);
        if let Some(last) = status["conditions"].items_mut().last_mut() {
            last.set("lastProbeTime", view.now.rfc3339());
        }
    }
    for name in ["active", "ready"] {
        status.remove(name);
    }
    status.set("ready", 0);
}

fn end(plan: &mut Plan, job: &Value, tally: &Tally) {
    tally.active.iter().for_each(|it| plan.write(pod::delete(job, it)));
}

fn expire(view: &View, plan: &mut Plan, job: &Value, ended: &Value) {
    let Some(seconds) = job["spec"].get("ttlSecondsAfterFinished").as_int() else { return };
    let Some(since) = Time::parse(ended.str("lastTransitionTime")) else { return };
    let at = Time(since.0 + seconds);
    if at > view.now {
        plan.look_again(at);
    } else {
        plan.write(Write::Delete(Key::of(Kind::Job, job), None));
    }
}

/// A Job's pods by how they fare.
struct Tally<'a> {
    active: Vec<&'a Value>,
    failed: Vec<&'a Value>,
    succeeded: usize,
    /// Indexes that are done, of an indexed Job.
    done: BTreeSet<i64>,
    leaving: usize,
}

fn index_of(pod: &Value) -> Option<i64> {
    pod.at(&["metadata", "annotations", INDEX]).as_str().parse().ok()
}

impl<'a> Tally<'a> {
    fn of(job: &Value, pods: &[&'a Value]) -> Tally<'a> {
        let mut tally =
            Tally { active: Vec::new(), failed: Vec::new(), succeeded: 0, done: BTreeSet::new(), leaving: 0 };
        let completions = job["spec"].int("completions");
        for pod in pods {
            match pod::phase(pod) {
                "Succeeded" => {
                    tally.succeeded += 1;
                    tally.done.extend(index_of(pod).filter(|it| (0..completions).contains(it)));
                }
                "Failed" => tally.failed.push(pod),
                _ if pod::is_terminating(pod) => tally.leaving += 1,
                _ => tally.active.push(pod),
            }
        }
        if is_indexed(job) {
            tally.succeeded = tally.done.len();
        }
        tally
    }

    fn is_complete(&self, job: &Value) -> bool {
        match job["spec"].get("completions").as_int() {
            Some(wanted) => self.succeeded >= usize::try_from(wanted).unwrap_or(0),
            None => self.succeeded > 0 && self.active.is_empty(),
        }
    }

    fn failure(&self, view: &View, plan: &mut Plan, job: &Value) -> Option<(&'static str, &'static str)> {
        let limit = job["spec"].get("backoffLimit").as_int().unwrap_or(6);
        let restarts_in_place =
            job.at(&["spec", "template", "spec", "restartPolicy"]).as_str() == "OnFailure";
        let restarts = |it: &&Value| -> i64 {
            it.at(&["status", "containerStatuses"]).items().iter().map(|it| it.int("restartCount")).sum()
        };
        let restarted: i64 = self.active.iter().map(restarts).sum();
        let failed = i64::try_from(self.failed.len()).unwrap_or(i64::MAX);
        let is_past = restarts_in_place && restarted > 0 && restarted >= limit.max(1);
        if failed > limit || is_past {
            return Some(("BackoffLimitExceeded", "Job has reached the specified backoff limit"));
        }
        let seconds = job["spec"].get("activeDeadlineSeconds").as_int()?;
        let start = Time::parse(job["status"].str("startTime"))?;
        let at = Time(start.0 + seconds);
        if at <= view.now {
            return Some(("DeadlineExceeded", "Job was active longer than specified deadline"));
        }
        plan.look_again(at);
        None
    }

    /// Makes the pods that are missing, unless a pause after a failure lasts; takes away those that are too many.
    fn fill(&self, view: &View, plan: &mut Plan, job: &Value) {
        let spec = job.get("spec");
        let parallelism = usize::try_from(spec.get("parallelism").as_int().unwrap_or(1)).unwrap_or(0);
        let wanted = match spec.get("completions").as_int() {
            Some(all) => parallelism.min(usize::try_from(all).unwrap_or(0).saturating_sub(self.succeeded)),
            None if self.succeeded > 0 => self.active.len().min(parallelism),
            None => parallelism,
        };
        if self.active.len() > wanted {
            let mut surplus = self.active.clone();
            pod::by_dispensability(&mut surplus);
            surplus.truncate(self.active.len() - wanted);
            surplus.iter().for_each(|it| plan.write(pod::delete(job, it)));
            return;
        }
        let missing = (wanted - self.active.len()).saturating_sub(self.leaving).min(replicaset::BURST);
        if missing == 0 {
            return;
        }
        let last = self.failed.iter().filter_map(|it| ended_at(it)).max();
        if let Some(last) = last {
            let doublings = u32::try_from(self.failed.len() - 1).unwrap_or(0).min(6);
            let at = Time(last.0 + (FIRST_PAUSE << doublings).min(LONGEST_PAUSE));
            if at > view.now {
                return plan.look_again(at);
            }
        }
        if !is_indexed(job) {
            (0..missing).for_each(|_| plan.write(pod::create(job, pod_of(job, None))));
            return;
        }
        let running: BTreeSet<i64> = self.active.iter().filter_map(|it| index_of(it)).collect();
        let free = (0..spec.int("completions")).filter(|it| !self.done.contains(it) && !running.contains(it));
        for index in free.take(missing) {
            plan.write(pod::create(job, pod_of(job, Some(index))));
        }
    }

    fn status(&self, job: &Value) -> Value {
        let mut status = Value::map();
        for name in ["conditions", "startTime"] {
            if job["status"].has(name) {
                status.set(name, job["status"].get(name));
            }
        }
        let counts =
            [("active", self.active.len()), ("failed", self.failed.len()), ("succeeded", self.succeeded)];
        for (name, count) in counts.into_iter().filter(|it| it.1 > 0) {
            status.set(name, count);
        }
        status.set("ready", self.active.iter().filter(|it| pod::is_ready(it)).count());
        status.set("terminating", self.leaving);
        status.set("uncountedTerminatedPods", Value::map());
        if !self.done.is_empty() {
            status.set("completedIndexes", ranges(&self.done));
        }
        status
    }
}

fn is_indexed(job: &Value) -> bool {
    job["spec"].str("completionMode") == "Indexed"
}

fn ended_at(pod: &Value) -> Option<Time> {
    let containers = pod.at(&["status", "containerStatuses"]).items().iter();
    let ends =
        containers.filter_map(|it| Time::parse(it.at(&["state", "terminated", "finishedAt"]).as_str()));
    ends.max().or_else(|| Time::parse(pod["metadata"].str("creationTimestamp")))
}

fn pod_of(job: &Value, index: Option<i64>) -> Value {
    let mut pod = pod::from_template(job, job.at(&["spec", "template"]), "");
    let Some(index) = index else { return pod };
    let name = job["metadata"].str("name");
    pod["metadata"].set("generateName", format!("{name}-{index}-"));
    pod["metadata"]["annotations"].set(INDEX, index.to_string());
    pod["metadata"]["labels"].set(INDEX, index.to_string());
    if pod["spec"].str("hostname").is_empty() {
        pod["spec"].set("hostname", format!("{name}-{index}"));
    }
    let field = object!({"fieldPath": "metadata.labels['batch.kubernetes.io/job-completion-index']"});
    for list in ["initContainers", "containers"] {
        if pod["spec"].get(list).is_empty() {
            continue;
        }
        for container in pod["spec"][list].items_mut() {
            container["env"]
                .push(object!({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": (field.clone())}}));
        }
    }
    pod
}

/// `0-2,5`.
fn ranges(numbers: &BTreeSet<i64>) -> String {
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            _ => parts.push((*number, *number)),
        }
    }
    let text = |(start, end): &(i64, i64)| match end - start {
        0 => start.to_string(),
        1 => format!("{start},{end}"),
        _ => format!("{start}-{end}"),
    };
    parts.iter().map(text).collect::<Vec<_>>().join(",")
}
