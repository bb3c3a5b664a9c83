//! What Envoy decided about a request, in whole sentences: listener, filter chain, route, cluster, endpoint, response.
//!
//! Always: the names are Envoy's own, as its admin page and its access log have them; the sentence says what they mean.
//! Sources: Envoy's documentation of its access log (response flags), Istio's of its listeners and clusters.

use super::stop::Told;

/// Response flags and what they say.
const FLAGS: [(&str, &str); 21] = [
    ("UH", "no endpoint of the cluster is healthy"),
    ("UF", "the connection to the endpoint failed"),
    ("UO", "a circuit breaker is open: too much is under way"),
    ("NR", "no route or no filter chain fits"),
    ("NC", "there is no such cluster"),
    ("URX", "all tries are used up"),
    ("UT", "the endpoint took too long"),
    ("UC", "the endpoint closed the connection"),
    ("UR", "the endpoint reset the stream"),
    ("UPE", "the endpoint broke the protocol"),
    ("DC", "the client closed the connection"),
    ("DPE", "the client broke the protocol"),
    ("DT", "the request took too long"),
    ("SI", "nothing was said for too long"),
    ("LR", "the proxy itself reset it"),
    ("LH", "the proxy's own health check failed"),
    ("RL", "there were too many requests"),
    ("FI", "a fault was injected: refused on purpose"),
    ("DI", "a fault was injected: delayed on purpose"),
    ("UAEX", "an authorization service refused it"),
    ("OM", "the proxy is overloaded"),
];

/// One decision; `part` is what was chosen, `words` its name.
pub fn tell(part: &str, words: &str) -> Told {
    let sentence = match part {
        "listener" => listener(words).to_owned(),
        "filter_chain" if words == "-" => "The only one that fits, which has no name.".to_owned(),
        "filter_chain" => "The one that fits the connection:".to_owned(),
        "route" => "Table, virtual host and route that fit the request:".to_owned(),
        "cluster" => cluster(words).to_owned(),
        "endpoint" => "Drawn from the cluster's healthy ones:".to_owned(),
        "response" => response(words),
        _ => String::new(),
    };
    Told {
        term: part.replace('_', " "),
        sentence,
        code: (words != "-").then(|| words.to_owned()),
        quiet: words == "-",
        ..Told::default()
    }
}

fn listener(words: &str) -> &'static str {
    match words.split("::").next().unwrap_or_default() {
        "virtualOutbound" => "Envoy took it: whatever leaves the Pod is redirected to this port.",
        "virtualInbound" => "Envoy took it: whatever comes into the Pod is redirected to this port.",
        _ => "Handed to the listener of the address that it was for before it was redirected:",
    }
}

fn cluster(words: &str) -> &'static str {
    let way = words.split('|').next().unwrap_or_default();
    match way {
        "PassthroughCluster" | "InboundPassthroughCluster" => {
            "Nothing is known of where it goes: passed on as it is."
        }
        "BlackHoleCluster" => "Nothing is known of where it goes: it ends here.",
        "inbound" => "To the program in the Pod itself:",
        _ => "Where the route leads:",
    }
}

/// `503 UF,URX details`, as in the access log.
fn response(words: &str) -> String {
    let mut parts = words.split_whitespace();
    let (code, flags) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let said = |flag: &str| {
        FLAGS.iter().find(|it| it.0 == flag).map_or_else(|| flag.to_owned(), |it| format!("{flag}: {}", it.1))
    };
    let answer = match code {
        "" | "0" => "No answer".to_owned(),
        code => format!("Answered {code}"),
    };
    match flags {
        "" | "-" => format!("{answer}."),
        flags => format!("{answer}; {}.", flags.split(',').map(said).collect::<Vec<_>>().join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_crossings_say_which_way_they_go() {
        assert!(tell("listener", "virtualOutbound::0.0.0.0:15001").sentence.contains("leaves the Pod"));
        assert!(tell("listener", "virtualInbound::0.0.0.0:15006").sentence.contains("comes into the Pod"));
        let own = tell("listener", "0.0.0.0_8080::0.0.0.0:8080");
        assert!(own.sentence.starts_with("Handed to the listener"));
        assert_eq!(own.code.as_deref(), Some("0.0.0.0_8080::0.0.0.0:8080"));
    }

    #[test]
    fn a_response_flag_is_said_in_words() {
        assert_eq!(tell("response", "200 - via_upstream").sentence, "Answered 200.");
        let failed = tell("response", "503 UF,URX upstream_reset_before_response_started");
        assert_eq!(
            failed.sentence,
            "Answered 503; UF: the connection to the endpoint failed; URX: all tries are used up."
        );
        assert_eq!(tell("response", "0 XX").sentence, "No answer; XX.");
    }

    #[test]
    fn what_has_no_name_is_hardly_worth_a_look() {
        let chain = tell("filter_chain", "-");
        assert_eq!((chain.term.as_str(), chain.quiet, chain.code), ("filter chain", true, None));
        assert!(!tell("cluster", "outbound|8080||orders.mesh.svc.cluster.local").quiet);
    }
}
