//! Signals: their numbers, names and what they do to a process that has not asked for them.
//!
//! Sources: signal(7); the names as bash's `kill -l` prints them.

macro_rules! signals {
    ($($name:ident $number:literal $short:literal $text:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Signal { $(#[doc = $text] $name = $number,)* }

        impl Signal {
            pub const ALL: &'static [Signal] = &[$(Signal::$name),*];

            /// `TERM`
            pub fn name(self) -> &'static str {
                match self { $(Signal::$name => $short),* }
            }

            /// strsignal(3)
            pub fn text(self) -> &'static str {
                match self { $(Signal::$name => $text),* }
            }
        }
    };
}

signals! {
    Hup 1 "HUP" "Hangup"
    Int 2 "INT" "Interrupt"
    Quit 3 "QUIT" "Quit"
    Illegal 4 "ILL" "Illegal instruction"
    Trap 5 "TRAP" "Trace/breakpoint trap"
    Abort 6 "ABRT" "Aborted"
    Bus 7 "BUS" "Bus error"
    FloatingPoint 8 "FPE" "Floating point exception"
    Kill 9 "KILL" "Killed"
    Usr1 10 "USR1" "User defined signal 1"
    Segmentation 11 "SEGV" "Segmentation fault"
    Usr2 12 "USR2" "User defined signal 2"
    Pipe 13 "PIPE" "Broken pipe"
    Alarm 14 "ALRM" "Alarm clock"
    Term 15 "TERM" "Terminated"
    StackFault 16 "STKFLT" "Stack fault"
    Child 17 "CHLD" "Child exited"
    Cont 18 "CONT" "Continued"
    Stop 19 "STOP" "Stopped (signal)"
    TerminalStop 20 "TSTP" "Stopped"
    TtyIn 21 "TTIN" "Stopped (tty input)"
    TtyOut 22 "TTOU" "Stopped (tty output)"
    Urgent 23 "URG" "Urgent I/O condition"
    CpuTime 24 "XCPU" "CPU time limit exceeded"
    FileSize 25 "XFSZ" "File size limit exceeded"
    VirtualAlarm 26 "VTALRM" "Virtual timer expired"
    Profiling 27 "PROF" "Profiling timer expired"
    WindowChange 28 "WINCH" "Window changed"
    Io 29 "IO" "I/O possible"
    Power 30 "PWR" "Power failure"
    System 31 "SYS" "Bad system call"
}

/// What a signal does where nobody asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    Terminate,
    Ignore,
    Stop,
    Continue,
}

impl Signal {
    pub fn number(self) -> u8 {
        self as u8
    }

    pub fn from_number(number: u32) -> Option<Signal> {
        Signal::ALL.iter().copied().find(|signal| u32::from(signal.number()) == number)
    }

    /// Reads `9`, `KILL`, `SIGKILL`, `kill`.
    pub fn parse(word: &str) -> Option<Signal> {
        if let Ok(number) = word.parse::<u32>() {
            return Signal::from_number(number);
        }
        let upper = word.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        Signal::ALL.iter().copied().find(|signal| signal.name() == name)
    }

    pub fn default_action(self) -> DefaultAction {
        match self {
            Signal::Child | Signal::Urgent | Signal::WindowChange => DefaultAction::Ignore,
            Signal::Cont => DefaultAction::Continue,
            Signal::Stop | Signal::TerminalStop | Signal::TtyIn | Signal::TtyOut => DefaultAction::Stop,
            _ => DefaultAction::Terminate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_named_by_number_name_or_long_name() {
        assert_eq!(Signal::parse("9"), Some(Signal::Kill));
        assert_eq!(Signal::parse("sigterm"), Some(Signal::Term));
        assert_eq!(Signal::parse("INT"), Some(Signal::Int));
        assert_eq!(Signal::parse("0"), None);
        assert_eq!(Signal::parse("FROB"), None);
    }
}
