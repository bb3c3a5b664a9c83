//! The directory stack: `pushd`, `popd`, `dirs`.
//!
//! Always: the top of the stack is the current directory; at most [`DIRECTORIES`] lie below it.
//! Source: bash(1), "pushd", "popd", "dirs".

use super::Shell;

/// Directories below the current one; a `pushd` beyond it forgets the lowest.
const DIRECTORIES: usize = 1000;

impl Shell {
    /// The whole stack, the current directory first.
    async fn stack(&mut self) -> Vec<String> {
        let here = self.logical_directory().await;
        std::iter::once(here).chain(self.directories.iter().cloned()).collect()
    }

    /// `+2`, `-1`: a place in a stack of that many.
    async fn stack_place(&mut self, name: &str, word: &str, count: usize) -> Result<usize, u8> {
        let number = word[1..].parse::<usize>().ok();
        let place = match (word.starts_with('+'), number) {
            (true, Some(number)) => Some(number),
            (false, Some(number)) => count.checked_sub(number + 1),
            (_, None) => {
                self.builtin_error(name, format!("{word}: invalid number")).await;
                self.sys
                    .eprint(format!(
                        "{name}: usage: {name} [-n] [+N | -N{}]\n",
                        if name == "pushd" { " | dir" } else { "" }
                    ))
                    .await;
                return Err(2);
            }
        };
        match place.filter(|place| *place < count) {
            Some(place) => Ok(place),
            None if count == 1 => Err(self.builtin_error(name, "directory stack empty").await),
            None => {
                let words = format!("{word}: directory stack index out of range");
                Err(self.builtin_error(name, words).await)
            }
        }
    }

    pub(super) async fn pushd(&mut self, args: &[String]) -> u8 {
        let (stay, args) = match args.split_first() {
            Some((first, rest)) if first == "-n" => (true, rest),
            Some((first, rest)) if first == "--" => (false, rest),
            _ => (false, args),
        };
        let mut stack = self.stack().await;
        let Some(word) = args.first() else {
            if stack.len() < 2 {
                return self.builtin_error("pushd", "no other directory").await;
            }
            stack.swap(0, 1);
            return self.go_to_top(stack, stay).await;
        };
        if args.len() > 1 {
            return self.builtin_error("pushd", "too many arguments").await;
        }
        if word.len() > 1 && word.starts_with(['+', '-']) {
            let place = match self.stack_place("pushd", word, stack.len()).await {
                Ok(place) => place,
                Err(status) => return status,
            };
            stack.rotate_left(place);
            return self.go_to_top(stack, stay).await;
        }
        if stay {
            stack.insert(1, word.clone());
            return self.go_to_top(stack, true).await;
        }
        if self.change_directory("pushd", word).await != 0 {
            return 1;
        }
        stack.truncate(DIRECTORIES);
        self.directories = stack;
        self.dirs(&[]).await
    }

    pub(super) async fn popd(&mut self, args: &[String]) -> u8 {
        let (stay, args) = match args.split_first() {
            Some((first, rest)) if first == "-n" => (true, rest),
            Some((first, rest)) if first == "--" => (false, rest),
            _ => (false, args),
        };
        let mut stack = self.stack().await;
        if stack.len() < 2 {
            return self.builtin_error("popd", "directory stack empty").await;
        }
        let place = match args.first() {
            None if stay => 1,
            None => 0,
            Some(word) if word.len() > 1 && word.starts_with(['+', '-']) => {
                match self.stack_place("popd", word, stack.len()).await {
                    Ok(place) => place,
                    Err(status) => return status,
                }
            }
            Some(word) => {
                self.builtin_error("popd", format!("{word}: invalid argument")).await;
                self.sys.eprint("popd: usage: popd [-n] [+N | -N]\n").await;
                return 2;
            }
        };
        stack.remove(place);
        self.go_to_top(stack, place > 0).await
    }

    /// Makes that the stack, and its top the current directory unless `stay`.
    async fn go_to_top(&mut self, stack: Vec<String>, stay: bool) -> u8 {
        if !stay && self.change_directory("pushd", &stack[0]).await != 0 {
            return 1;
        }
        self.directories = stack[1..].to_vec();
        self.dirs(&[]).await
    }

    async fn change_directory(&mut self, name: &str, path: &str) -> u8 {
        if let Err(errno) = self.sys.stat(path).await {
            return self.builtin_error(name, format!("{path}: {errno}")).await;
        }
        self.cd(&["--".to_owned(), path.to_owned()]).await
    }

    pub(super) async fn dirs(&mut self, args: &[String]) -> u8 {
        let (mut long, mut lines, mut numbers) = (false, false, false);
        for arg in args {
            match arg.as_str() {
                "-c" => {
                    self.directories.clear();
                    return 0;
                }
                "-l" => long = true,
                "-p" => lines = true,
                "-v" => numbers = true,
                word if word.len() > 1 && word.starts_with(['+', '-']) => {
                    if word[1..].parse::<usize>().is_err() {
                        return self.usage("dirs", word, "dirs [-clpv] [+N] [-N]").await;
                    }
                    let stack = self.stack().await;
                    return match self.stack_place("dirs", word, stack.len()).await {
                        Ok(place) => self.put_out("dirs", &format!("{}\n", stack[place])).await,
                        Err(status) => status,
                    };
                }
                word => return self.builtin_error("dirs", format!("{word}: invalid argument")).await,
            }
        }
        let home = self.scalar("HOME").unwrap_or_default();
        let shown = |path: &String| match path.strip_prefix(&home) {
            Some(rest) if !long && !home.is_empty() && (rest.is_empty() || rest.starts_with('/')) => {
                format!("~{rest}")
            }
            _ => path.clone(),
        };
        let stack: Vec<String> = self.stack().await.iter().map(shown).collect();
        let text = match (numbers, lines) {
            (true, _) => stack.iter().enumerate().map(|(at, path)| format!("{at:2}  {path}\n")).collect(),
            (_, true) => stack.iter().map(|path| format!("{path}\n")).collect(),
            _ => stack.join(" ") + "\n",
        };
        self.put_out("dirs", &text).await
    }
}
