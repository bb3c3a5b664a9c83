//! The flags of `crictl`, verb by verb.
//!
//! Always: a flag that is not in the table is an error in the flag package's words; one that is not simulated says so.
//! Source: cri-tools 1.36 `cmd/crictl`; urfave/cli v2.

/// Verbs with their flags: `long/short`; `=` takes a value, `!` at the end is not simulated.
#[rustfmt::skip]
const VERBS: &[(&str, &str)] = &[
    ("exec", "interactive/i tty/t sync/s! timeout=! env/e=! transport/r=! quiet/q! name=! pod/p=! state=! label=! image=! last/n=! latest/l! ignore-errors/e! parallel/x!"),
    ("images", "quiet/q no-trunc digests verbose/v! filter/f=! output/o=!"),
    ("inspect", "output/o= quiet/q! template=! name=! pod/p=! state/s=! label=! image=! last/n=! latest/l! id=!"),
    ("inspectp", "output/o= quiet/q! template=! name=! namespace=! state/s=! label=! last/n=! latest/l! id=!"),
    ("logs", "follow/f tail= previous/p! since=! timestamps/t limit-bytes=! reverse/r!"),
    ("pods", "quiet/q name= namespace= state/s= last/n= latest/l no-trunc id= verbose/v! label=! output/o=! watch/w!"),
    ("ps", "all/a quiet/q name= pod/p= state/s= last/n= latest/l no-trunc id= image=! label=! output/o=! resolve-image-path/r! verbose/v! watch/w! namespace="),
    ("rm", "force/f all/a! keep-logs/k!"),
    ("rmp", "force/f all/a!"),
    ("stop", "timeout/t="),
    ("stopp", ""),
    ("version", ""),
];

/// What a command line says after the verb.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub words: Vec<String>,
    set: Vec<(&'static str, String)>,
}

impl Options {
    pub fn has(&self, name: &str) -> bool {
        self.set.iter().any(|(its, _)| *its == name)
    }

    /// The last value given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.set.iter().rev().find(|(its, _)| *its == name).map(|(_, value)| value.as_str())
    }

    /// Words after the first that is no flag are no flags, as urfave/cli reads them.
    pub fn parse(verb: &str, words: &[String]) -> Result<Options, String> {
        let table = VERBS.iter().find(|(its, _)| *its == verb).map_or("", |(_, flags)| flags);
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix('-').filter(|it| !it.is_empty()) else {
                options.words.push(word.clone());
                options.words.extend(words.by_ref().cloned());
                break;
            };
            let name = name.strip_prefix('-').unwrap_or(name);
            if name.is_empty() {
                options.words.extend(words.by_ref().cloned());
                break;
            }
            let (name, given) =
                name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
            // `-it` is `-i -t`.
            let names: Vec<String> = match find(table, name) {
                None if !word.starts_with("--")
                    && name.chars().all(|it| find(table, &it.to_string()).is_some()) =>
                {
                    name.chars().map(String::from).collect()
                }
                _ => vec![name.to_owned()],
            };
            for name in &names {
                let Some((long, takes, lacking)) = find(table, name) else {
                    return Err(format!("flag provided but not defined: -{name}"));
                };
                if lacking {
                    return Err(format!("--{long}: not simulated in vethlab; use crictl {verb} without it"));
                }
                let value = match (takes, given) {
                    (false, given) => given.unwrap_or("true").to_owned(),
                    (true, Some(value)) => value.to_owned(),
                    (true, None) => {
                        let missing = || format!("flag needs an argument: -{name}");
                        words.next().cloned().ok_or_else(missing)?
                    }
                };
                options.set.push((long, value));
            }
        }
        Ok(options)
    }
}

/// The flag of that long or short name: its long name, whether it takes a value, whether it is not simulated.
fn find(table: &'static str, name: &str) -> Option<(&'static str, bool, bool)> {
    table.split_whitespace().find_map(|word| {
        let (word, lacking) = word.strip_suffix('!').map_or((word, false), |it| (it, true));
        let (word, takes) = word.strip_suffix('=').map_or((word, false), |it| (it, true));
        let (long, short) = word.split_once('/').unwrap_or((word, ""));
        (long == name || !short.is_empty() && short == name).then_some((long, takes, lacking))
    })
}
