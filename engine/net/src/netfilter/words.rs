//! `put!`: appends formatted words to a string.

macro_rules! put {
    ($out:expr, $($words:tt)*) => {
        $out.push_str(&format!($($words)*))
    };
}
