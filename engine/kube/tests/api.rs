//! The API server as curl meets it: each test is a transcript of requests and answers.
//!
//! Always: a transcript's line `METHOD PATH [BODY]` is followed by the answer's code and the fields asked for.

use kube::api::{Api, Request, Response};
use kube::object;
use kube::object::{Time, Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";

fn api() -> Api {
    let mut api = Api::new(7, Time::parse("2026-11-21T05:40:00Z").expect("a time"));
    for text in [
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"},"status":{"phase":"Active"}}"#,
        r#"{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":"default"}}"#,
        r#"{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.96.0.0/16"]}}"#,
    ] {
        api.load(json::parse(text).expect("JSON"));
    }
    api
}

fn ask(api: &mut Api, request: Request) -> (u16, Value) {
    let request =
        request.with_header("X-Remote-User", "admin").with_header("X-Remote-Group", "system:masters");
    let Response { code, body, .. } = api.handle(&request);
    (code, json::parse(&body).unwrap_or_else(|_| Value::from(body)))
}

fn get(api: &mut Api, path: &str) -> (u16, Value) {
    ask(api, Request::new("GET", path))
}

fn post(api: &mut Api, path: &str, body: &str) -> (u16, Value) {
    ask(api, Request::new("POST", path).with_body("application/json", body))
}

fn pod(name: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","labels":{{"app":"web"}}}},
            "spec":{{"containers":[{{"name":"c","image":"nginx:1.27"}}]}}}}"#
    )
}

#[test]
fn a_pod_is_created_with_its_defaults_and_only_once() {
    let mut api = api();
    let (code, made) = post(&mut api, PODS, &pod("web"));
    assert_eq!(code, 201);
    assert_eq!(made["spec"].str("restartPolicy"), "Always");
    assert_eq!(made["spec"]["containers"].items()[0].str("imagePullPolicy"), "IfNotPresent");
    assert_eq!(made["status"].str("phase"), "Pending");
    let (code, status) = post(&mut api, PODS, &pod("web"));
    assert_eq!((code, status.str("message")), (409, r#"pods "web" already exists"#));
    let (code, status) = get(&mut api, &format!("{PODS}/nope"));
    assert_eq!((code, status.str("message")), (404, r#"pods "nope" not found"#));
}

#[test]
fn what_the_schema_does_not_know_is_named_by_its_path() {
    let mut api = api();
    let body = pod("web").replace(r#""image""#, r#""imagePullPolicyy":"x","image""#);
    let strict = |body: &str| {
        Request::new("POST", PODS).with_query("fieldValidation", "Strict").with_body("application/json", body)
    };
    let (code, status) = ask(&mut api, strict(&body));
    let words = r#"Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imagePullPolicyy""#;
    assert_eq!((code, status.str("message")), (400, words));
    let twice = pod("web").replace(r#""image""#, r#""name":"d","image""#);
    let (_, status) = ask(&mut api, strict(&twice));
    assert!(status.str("message").ends_with(r#"duplicate field "spec.containers[0].name""#), "{status}");
    let (code, _) = ask(&mut api, strict(&pod("web")));
    assert_eq!(code, 201);
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    let mut api = api();
    let request = Request::new("POST", PODS).with_query("dryRun", "All");
    let (code, _) = ask(&mut api, request.with_body("application/json", pod("web")));
    assert_eq!(code, 201);
    assert_eq!(get(&mut api, &format!("{PODS}/web")).0, 404);
}

#[test]
fn the_second_of_two_writers_is_told_of_the_first() {
    let mut api = api();
    let (_, first) = post(&mut api, PODS, &pod("web"));
    let mut changed = first.clone();
    changed["metadata"]["labels"].set("tier", "front");
    let put = |body: &Value| {
        Request::new("PUT", format!("{PODS}/web")).with_body("application/json", body.to_string())
    };
    assert_eq!(ask(&mut api, put(&changed)).0, 200);
    let (code, status) = ask(&mut api, put(&first));
    let words = "Operation cannot be fulfilled on pods \"web\": the object has been modified; please apply your changes to the latest version and try again";
    assert_eq!((code, status.str("message")), (409, words));
}

#[test]
fn each_form_of_patch_does_what_it_says() {
    let mut api = api();
    post(&mut api, PODS, &pod("web"));
    let patch = |form: &str, body: &str| {
        Request::new("PATCH", format!("{PODS}/web")).with_body(&format!("application/{form}+json"), body)
    };
    let strategic = r#"{"spec":{"containers":[{"name":"c","image":"nginx:1.28"}]}}"#;
    let (code, now) = ask(&mut api, patch("strategic-merge-patch", strategic));
    assert_eq!((code, now["spec"]["containers"].items()[0].str("image")), (200, "nginx:1.28"));
    let (_, now) = ask(&mut api, patch("merge-patch", r#"{"metadata":{"labels":{"app":null,"x":"1"}}}"#));
    assert_eq!(now["metadata"]["labels"], object!({"x": "1"}));
    let list = r#"[{"op":"test","path":"/metadata/labels/x","value":"1"},{"op":"remove","path":"/metadata/labels/x"}]"#;
    let (code, now) = ask(&mut api, patch("json-patch", list));
    assert!(code == 200 && now["metadata"].get("labels").is_empty(), "{now}");
    assert_eq!(ask(&mut api, patch("json-patch", list)).0, 422);
    assert_eq!(ask(&mut api, patch("wishful-patch", "{}")).0, 415);
}

#[test]
fn two_who_apply_one_field_are_told_of_each_other() {
    let mut api = api();
    let apply = |manager: &str, value: &str, force: &str| {
        let body = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c"}},"data":{{"k":"{value}"}}}}"#
        );
        Request::new("PATCH", "/api/v1/namespaces/default/configmaps/c")
            .with_query("fieldManager", manager)
            .with_query("force", force)
            .with_body("application/apply-patch+yaml", body)
    };
    assert_eq!(ask(&mut api, apply("one", "1", "")).0, 201);
    let (code, status) = ask(&mut api, apply("two", "2", ""));
    assert_eq!(code, 409);
    assert!(
        status.str("message").starts_with("Apply failed with 1 conflict: conflict with \"one\""),
        "{status}"
    );
    let (code, now) = ask(&mut api, apply("two", "2", "true"));
    assert_eq!((code, now["data"].str("k")), (200, "2"));
}

#[test]
fn a_service_gets_an_address_that_no_other_gets() {
    let mut api = api();
    let service = |name: &str, address: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{name}"}},"spec":{{"clusterIP":"{address}","type":"NodePort","ports":[{{"port":80}}]}}}}"#
        )
    };
    let (code, made) = post(&mut api, SERVICES, &service("a", ""));
    assert_eq!(code, 201, "{made}");
    let address = made["spec"].str("clusterIP").to_owned();
    assert!(address.starts_with("10.96."), "{made}");
    assert!((30_000..32_768).contains(&made["spec"]["ports"].items()[0].int("nodePort")), "{made}");
    let (code, status) = post(&mut api, SERVICES, &service("b", &address));
    let words = format!(
        r#"Service "b" is invalid: spec.clusterIPs: Invalid value: ["{address}"]: failed to allocate IP {address}: provided IP is already allocated"#
    );
    assert_eq!((code, status.str("message")), (422, words.as_str()));
    ask(&mut api, Request::new("DELETE", format!("{SERVICES}/a")));
    assert_eq!(post(&mut api, SERVICES, &service("b", &address)).0, 201);
}

#[test]
fn a_list_comes_in_pages_and_by_selectors() {
    let mut api = api();
    for name in ["a", "b", "c"] {
        post(&mut api, PODS, &pod(name));
    }
    let (_, page) = ask(&mut api, Request::new("GET", PODS).with_query("limit", "2"));
    assert_eq!(page["items"].len(), 2);
    assert_eq!(page["metadata"].int("remainingItemCount"), 1);
    let rest = Request::new("GET", PODS).with_query("continue", page["metadata"].str("continue"));
    assert_eq!(ask(&mut api, rest).1["items"].len(), 1);
    let chosen = |name: &str, text: &str| Request::new("GET", PODS).with_query(name, text);
    assert_eq!(ask(&mut api, chosen("fieldSelector", "metadata.name=b")).1["items"].len(), 1);
    assert_eq!(ask(&mut api, chosen("labelSelector", "app!=web")).1["items"].len(), 0);
    let (code, status) = ask(&mut api, chosen("fieldSelector", "spec.color=red"));
    assert_eq!((code, status.str("message")), (400, "field label not supported: spec.color"));
}

#[test]
fn a_pod_that_runs_is_asked_to_end_and_one_that_waits_for_a_node_is_gone() {
    let mut api = api();
    for name in ["runs", "waits"] {
        post(&mut api, PODS, &pod(name));
    }
    let target = r#"{"apiVersion":"v1","kind":"Binding","target":{"kind":"Node","name":"worker-1"}}"#;
    assert_eq!(post(&mut api, &format!("{PODS}/runs/binding"), target).0, 201);
    let delete = |name: &str| Request::new("DELETE", format!("{PODS}/{name}"));
    let (_, marked) = ask(&mut api, delete("runs"));
    assert_eq!(marked["metadata"].str("deletionTimestamp"), "2026-11-21T05:40:30Z");
    ask(&mut api, delete("waits"));
    assert_eq!(get(&mut api, &format!("{PODS}/waits")).0, 404);
    let now = Request::new("DELETE", format!("{PODS}/runs")).with_query("gracePeriodSeconds", "0");
    assert_eq!(ask(&mut api, now).0, 200);
    assert_eq!(get(&mut api, &format!("{PODS}/runs")).0, 404);
}

#[test]
fn who_is_nobody_may_do_nothing() {
    let mut api = api();
    let mut said = |user: &str, group: &str| {
        let request = Request::new("GET", PODS).with_header("Impersonate-User", "alice");
        let response =
            api.handle(&request.with_header("X-Remote-User", user).with_header("X-Remote-Group", group));
        let status = json::parse(&response.body).expect("a Status");
        (response.code, status.str("message").to_owned())
    };
    let words = r#"pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default""#;
    assert_eq!(said("admin", "system:masters"), (403, words.to_owned()));
    let words = r#"users "alice" is forbidden: User "joe" cannot impersonate resource "users" in API group "" at the cluster scope"#;
    assert_eq!(said("joe", ""), (403, words.to_owned()));
}

#[test]
fn a_token_says_whose_it_is() {
    let mut api = api();
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let (code, made) =
        post(&mut api, path, r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"}"#);
    assert_eq!(code, 201, "{made}");
    let bearer = format!("Bearer {}", made["status"].str("token"));
    let response = api.handle(&Request::new("GET", PODS).with_header("Authorization", bearer));
    assert_eq!(response.code, 403);
    assert!(
        response.body.contains(r#"User \"system:serviceaccount:default:default\" cannot list"#),
        "{}",
        response.body
    );
}
