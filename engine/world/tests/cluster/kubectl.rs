//! kubectl on a node of a running cluster: editors, copies, debuggers, what may be done, what differs.

use super::*;

/// A line typed on the control plane: what it prints, and its exit code on a line of its own.
fn typed(world: &mut World, line: &str) -> String {
    run(world, "control-plane", &format!("{{ {line}; }} 2>&1; echo \"[$?]\""))
}

fn booted_with_web() -> World {
    let mut world = cluster();
    create(&mut world, WEBS);
    wait_ready(&mut world, "app=web");
    world
}

#[test]
fn edit_runs_the_editor_on_a_file_of_its_own_and_sends_what_changed() {
    let mut world = booted_with_web();
    assert_eq!(
        typed(&mut world, "KUBE_EDITOR='sed -i s/replicas:.2/replicas:\\ 3/' kubectl edit deployment web"),
        "deployment.apps/web edited\n[0]\n"
    );
    assert_eq!(
        typed(&mut world, "kubectl get deploy web -o jsonpath='{.spec.replicas}{\"\\n\"}'"),
        "3\n[0]\n"
    );
    assert_eq!(
        typed(&mut world, "EDITOR=true kubectl edit deploy/web"),
        "Edit cancelled, no changes made.\n[0]\n"
    );
    // What the editor is given, and that nothing is left of it.
    let head = "EDITOR='head -n 6' kubectl edit ns default";
    assert_eq!(
        typed(&mut world, head),
        "# Please edit the object below. Lines beginning with a '#' will be ignored,\n\
         # and an empty file will abort the edit. If an error occurs while saving this file will be\n\
         # reopened with the relevant failures.\n#\napiVersion: v1\nkind: Namespace\n\
         Edit cancelled, no changes made.\n[0]\n"
    );
    assert_eq!(typed(&mut world, "ls /tmp/kubectl-edit-* 2>/dev/null"), "[2]\n");
    let patch = "EDITOR='sed -i s/replicas:.3/replicas:\\ 2/' kubectl edit deploy web --output-patch";
    assert_eq!(
        typed(&mut world, patch),
        "Patch: {\"spec\":{\"replicas\":2},\"status\":{\"replicas\":2}}\ndeployment.apps/web edited\n[0]\n"
    );
}

#[test]
fn edit_gives_a_wrong_text_back_with_what_is_wrong_and_keeps_it() {
    let mut world = booted_with_web();
    // The second time the editor shows what it is given, and changes nothing.
    let script = "printf '#!/bin/sh\\nif [ -e /tmp/again ]; then head -n 7 $1; else touch /tmp/again; sed -i s/replicas:.2/replicas:\\\\ -1/ $1; fi\\n' >/tmp/editor; chmod +x /tmp/editor";
    run(&mut world, "control-plane", script);
    let told = typed(&mut world, "EDITOR=/tmp/editor kubectl edit deploy web");
    let (before, file) = told.split_once("A copy of your changes has been stored to \"").expect(&told);
    assert!(
        before.ends_with(
            "error: deployments.apps \"web\" is invalid\n# Please edit the object below. Lines beginning with a '#' will be ignored,\n\
             # and an empty file will abort the edit. If an error occurs while saving this file will be\n\
             # reopened with the relevant failures.\n#\n# deployments.apps \"web\" was not valid:\n\
             # * spec.replicas: Invalid value: -1: must be greater than or equal to 0\n#\n"
        ),
        "{told}"
    );
    let (file, end) = file.split_once("\"\n").expect("a quoted path");
    assert!(file.starts_with("/tmp/kubectl-edit-") && file.ends_with(".yaml"), "{file}");
    assert_eq!(end, "error: Edit cancelled, no valid changes were saved.\n[1]\n");
    assert_eq!(typed(&mut world, &format!("grep -c 'replicas: -1' {file}")), "2\n[0]\n");
}

#[test]
fn edit_tells_of_an_editor_that_is_not_there_and_of_one_that_fails() {
    let mut world = cluster();
    assert_eq!(
        typed(&mut world, "KUBE_EDITOR=emacs kubectl edit ns default"),
        "error: unable to launch the editor \"emacs\"\n[1]\n"
    );
    assert_eq!(
        typed(&mut world, "EDITOR=false kubectl edit ns default"),
        "error: there was a problem with the editor \"false\"\n[1]\n"
    );
    // Quotes make it a line for the shell.
    assert_eq!(
        typed(&mut world, "EDITOR='sh -c \"exit 3\"' kubectl edit ns default"),
        "error: there was a problem with the editor \"/bin/bash -c sh -c \\\"exit 3\\\"\"\n[1]\n"
    );
}

#[test]
fn cp_needs_tar_in_the_image_and_says_what_else_is_wrong() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    let dns = "$(kubectl get pods -n kube-system -l k8s-app=kube-dns -o name | head -n 1 | cut -d/ -f2)";
    let told = typed(&mut world, &format!("kubectl cp kube-system/{dns}:/etc/resolv.conf /tmp/x"));
    assert!(
        told.contains("exec: \"tar\": executable file not found in $PATH") && told.ends_with("[1]\n"),
        "{told}"
    );
    for (line, said) in [
        ("/tmp/none echo:/tmp/x", "error: /tmp/none doesn't exist in local filesystem\n[1]\n"),
        ("/tmp/a /tmp/b", "error: one of src or dest must be a remote file specification\n[1]\n"),
        ("echo:/a echo:/b", "error: one of src or dest must be a local file specification\n[1]\n"),
        ("echo: /tmp/b", "error: filepath can not be empty\n[1]\n"),
        (
            "a/b/c:/x /tmp/b",
            "error: filespec must match the canonical format: [[namespace/]pod:]file/path\n[1]\n",
        ),
        ("nope:/x /tmp/b", "Error from server (NotFound): pods \"nope\" not found\n[1]\n"),
    ] {
        assert_eq!(typed(&mut world, &format!("kubectl cp {line}")), said, "{line}");
    }
}

#[test]
fn cp_carries_files_and_folders_both_ways_through_tar() {
    let mut world = cluster();
    run(&mut world, "control-plane", "kubectl run box --image=busybox -- sleep 1000");
    wait_ready(&mut world, "run=box");
    run(
        &mut world,
        "control-plane",
        "mkdir -p /tmp/site/sub; echo one >/tmp/site/a; echo two >/tmp/site/sub/b; echo three >/tmp/c",
    );
    for (line, seen) in [
        ("kubectl cp /tmp/site box:/tmp/site", "[0]\n"),
        ("kubectl exec box -- cat /tmp/site/a /tmp/site/sub/b", "one\ntwo\n[0]\n"),
        // Into a folder that is there it goes by its own name.
        ("kubectl cp /tmp/c box:/tmp/site", "[0]\n"),
        ("kubectl cp /tmp/c default/box:/tmp/renamed", "[0]\n"),
        ("kubectl exec box -- cat /tmp/site/c /tmp/renamed", "three\nthree\n[0]\n"),
        ("kubectl cp box:/tmp/site /tmp/back", "tar: Removing leading `/' from member names\n[0]\n"),
        ("cat /tmp/back/a /tmp/back/sub/b /tmp/back/c", "one\ntwo\nthree\n[0]\n"),
        // A folder is no name for a file.
        (
            "kubectl cp box:/tmp/renamed .",
            "tar: Removing leading `/' from member names\nerror: open .: is a directory\n[1]\n",
        ),
        (
            "kubectl cp box:/tmp/none /tmp/none",
            "tar: /tmp/none: Cannot stat: No such file or directory\n\
             tar: Exiting with failure status due to previous errors\ncommand terminated with exit code 2\n[2]\n",
        ),
    ] {
        assert_eq!(typed(&mut world, line), seen, "{line}");
    }
}

#[test]
fn what_somebody_may_do_is_listed_by_verbs() {
    let mut world = cluster();
    run(
        &mut world,
        "control-plane",
        "kubectl create role reader --verb=get,list --resource=pods,deployments.apps; \
         kubectl create rolebinding reader --role=reader --user=jane",
    );
    assert_eq!(
        typed(
            &mut world,
            "kubectl auth can-i --list --as=jane | grep -v healthz | grep -v livez | grep -v readyz"
        ),
        "Resources                                       Non-Resource URLs   Resource Names   Verbs\n\
         selfsubjectreviews.authentication.k8s.io        []                  []               [create]\n\
         selfsubjectaccessreviews.authorization.k8s.io   []                  []               [create]\n\
         selfsubjectrulesreviews.authorization.k8s.io    []                  []               [create]\n\
         pods                                            []                  []               [get list]\n\
         deployments.apps                                []                  []               [get list]\n\
         \u{20}                                               [/api/*]            []               [get]\n\
         \u{20}                                               [/api]              []               [get]\n\
         \u{20}                                               [/apis/*]           []               [get]\n\
         \u{20}                                               [/apis]             []               [get]\n\
         \u{20}                                               [/openapi/*]        []               [get]\n\
         \u{20}                                               [/openapi]          []               [get]\n\
         \u{20}                                               [/version/]         []               [get]\n\
         \u{20}                                               [/version/]         []               [get]\n\
         \u{20}                                               [/version]          []               [get]\n\
         \u{20}                                               [/version]          []               [get]\n[0]\n"
    );
    let mine = typed(&mut world, "kubectl auth can-i --list --no-headers | head -n 2");
    assert_eq!(
        mine,
        "*.*                                             []             []    [*]\n\
         \u{20}                                               [*]            []    [*]\n[0]\n"
    );
    assert_eq!(
        typed(&mut world, "kubectl describe role reader"),
        "Name:         reader\nLabels:       <none>\nAnnotations:  <none>\nPolicyRule:\n  \
         Resources         Non-Resource URLs  Resource Names  Verbs\n  \
         ---------         -----------------  --------------  -----\n  \
         pods              []                 []              [get list]\n  \
         deployments.apps  []                 []              [get list]\n[0]\n"
    );
}

#[test]
fn debug_of_a_node_runs_on_its_network_with_its_files() {
    let mut world = cluster();
    let made = typed(&mut world, "kubectl debug node/worker-1 --image=busybox -- sleep 1000");
    let name = made.strip_prefix("Creating debugging pod ").and_then(|it| it.split(' ').next()).expect(&made);
    assert!(name.starts_with("node-debugger-worker-1-"), "{name}");
    assert_eq!(
        made,
        format!("Creating debugging pod {name} with container debugger on node worker-1.\n[0]\n")
    );
    run(&mut world, "control-plane", &format!("kubectl wait --for=condition=Ready pod/{name} --timeout=60s"));
    let seen = "sh -c 'cat /host/etc/hostname; ip -o -4 addr show eth0; ls /host/etc/kubernetes'";
    let seen = typed(&mut world, &format!("kubectl exec {name} -- {seen}"));
    assert!(seen.starts_with("worker-1\n") && seen.contains("172.18.0.3/"), "{seen}");
    assert!(seen.contains("kubelet.conf"), "{seen}");
    assert_eq!(
        typed(&mut world, "kubectl debug echo"),
        "error: you must specify --image when not using --copy-to.\n[1]\n"
    );
}

#[test]
fn a_copy_of_a_pod_for_debugging_shares_its_processes_and_leaves_its_labels() {
    let mut world = booted_with_web();
    let pod = run(&mut world, "control-plane", "kubectl get pods -l app=web -o name | head -n 1");
    let line = format!("kubectl debug {} --copy-to=copy --set-image=web=nginx:1.27", pod.trim());
    assert_eq!(typed(&mut world, &line), "[0]\n");
    let path = "{.metadata.labels}{.spec.containers[*].image} {.spec.shareProcessNamespace}{\"\\n\"}";
    // With new images alone the copy is as it was, but for those.
    let told = typed(&mut world, &format!("kubectl get pod copy -o jsonpath='{path}'"));
    assert_eq!(told, "nginx:1.27 \n[0]\n");
}

#[test]
fn diff_shows_what_applying_would_change_and_hides_secrets() {
    let mut world = cluster();
    run(
        &mut world,
        "control-plane",
        "kubectl create cm c --from-literal=color=blue; kubectl create secret generic s --from-literal=word=old",
    );
    let manifest = "kubectl create cm c --from-literal=color=red --dry-run=client -o yaml >/tmp/c.yaml; kubectl create secret generic s --from-literal=word=new --dry-run=client -o yaml >/tmp/s.yaml";
    run(&mut world, "control-plane", manifest);
    let told = typed(&mut world, "kubectl diff -f /tmp/c.yaml 2>/dev/null | grep '^[-+] '");
    assert_eq!(told, "-  color: blue\n+  color: red\n[0]\n");
    let told = typed(&mut world, "kubectl diff -f /tmp/s.yaml 2>/dev/null | grep '^[-+] '");
    assert_eq!(told, "-  word: '*** (before)'\n+  word: '*** (after)'\n[0]\n");
    assert!(typed(&mut world, "kubectl diff -f /tmp/c.yaml 2>/dev/null").ends_with("[1]\n"));
    assert_eq!(
        typed(&mut world, "kubectl diff -f /tmp/none.yaml"),
        "error: the path \"/tmp/none.yaml\" does not exist\n[2]\n"
    );
}
