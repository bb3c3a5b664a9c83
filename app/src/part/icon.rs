//! Icons, drawn for this page: strokes on a grid of 16, in the colour of the text beside them.

use yew::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    Brand,
    Pause,
    Play,
    StepOn,
    StepBack,
    StepEvent,
    ToEnd,
    Undo,
    Redo,
    Share,
    Light,
    Dark,
    System,
    Plus,
    Minus,
    Close,
    Fit,
    List,
    Chevron,
    Check,
    Cross,
    Dot,
    Unknown,
    Download,
    Lesson,
    Picture,
    Terminal,
    Packets,
    Split,
    Right,
    Down,
}

impl Glyph {
    /// Stroked path, then filled path.
    fn paths(self) -> (&'static str, &'static str) {
        match self {
            Glyph::Brand => ("M1.5 4.5h5v5h-5zM9.5 4.5h5v5h-5zM4 9.5V12h8V9.5", ""),
            Glyph::Pause => ("", "M4.5 3H7v10H4.5zM9 3h2.5v10H9z"),
            Glyph::Play => ("", "M5 3l8 5-8 5z"),
            Glyph::StepOn => ("", "M3.5 3l7 5-7 5zM11 3h2v10h-2z"),
            Glyph::StepBack => ("", "M12.5 3l-7 5 7 5zM3 3h2v10H3z"),
            Glyph::StepEvent => ("M3 8h7M7.5 5l3 3-3 3M13.5 4v8", ""),
            Glyph::ToEnd => ("M3 4l4 4-4 4M8 4l4 4-4 4M14 4v8", ""),
            Glyph::Undo => ("M6 3L2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 010 7H6.5", ""),
            Glyph::Redo => ("M10 3l3.5 3.5L10 10M13.5 6.5H6a3.5 3.5 0 000 7h3.5", ""),
            Glyph::Share => ("M6.5 9.5l3-3M7 4.5l1-1a3 3 0 014.5 4.5l-1 1M9 11.5l-1 1A3 3 0 013.5 8l1-1", ""),
            Glyph::Light => (
                "M8 5.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6zM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1",
                "",
            ),
            Glyph::Dark => ("M13 9.6A5.6 5.6 0 016.4 3 5.6 5.6 0 1013 9.6z", ""),
            Glyph::System => ("M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11z", "M8 2.5a5.5 5.5 0 010 11z"),
            Glyph::Plus => ("M8 3.5v9M3.5 8h9", ""),
            Glyph::Minus => ("M3.5 8h9", ""),
            Glyph::Close => ("M4 4l8 8M12 4l-8 8", ""),
            Glyph::Fit => ("M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10", ""),
            Glyph::List => ("M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01", ""),
            Glyph::Chevron => ("M6 3.5L10.5 8 6 12.5", ""),
            Glyph::Check => ("M3 8.5l3.5 3.5L13 4.5", ""),
            Glyph::Cross => ("M4 4l8 8M12 4l-8 8", ""),
            Glyph::Dot => ("", "M8 6.2a1.8 1.8 0 100 3.6 1.8 1.8 0 000-3.6z"),
            Glyph::Unknown => ("M5.8 6a2.2 2.2 0 113 2c-.6.3-.8.6-.8 1.3M8 12v.01", ""),
            Glyph::Download => ("M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.5h10", ""),
            Glyph::Lesson => ("M3 2.5h10v11H3zM5.5 6h5M5.5 8.5h5M5.5 11h3", ""),
            Glyph::Picture => ("M1.5 3.5h5v4h-5zM9.5 8.5h5v4h-5zM4 7.5v3h5.5", ""),
            Glyph::Terminal => ("M1.5 3h13v10h-13zM4 6l2 2-2 2M8 10.5h3.5", ""),
            Glyph::Packets => ("M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5", ""),
            Glyph::Split => ("M2 3h12v10H2zM8 3v10", ""),
            Glyph::Right => ("M2 3h12v10H2zM10 3v10", ""),
            Glyph::Down => ("M2 3h12v10H2zM2 9.5h12", ""),
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct IconProps {
    pub glyph: Glyph,
}

#[component]
pub fn Icon(IconProps { glyph }: &IconProps) -> Html {
    let (stroked, filled) = glyph.paths();
    html! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            if !filled.is_empty() { <path class="full" d={filled} /> }
            if !stroked.is_empty() { <path d={stroked} /> }
        </svg>
    }
}

#[derive(Properties, PartialEq)]
pub struct ToolProps {
    pub glyph: Glyph,
    /// Read aloud, and shown on hover.
    pub label: AttrValue,
    pub on_click: Callback<()>,
    #[prop_or_default]
    pub keys: &'static str,
    #[prop_or_default]
    pub pressed: Option<bool>,
    #[prop_or_default]
    pub disabled: bool,
    #[prop_or_default]
    pub class: Classes,
    #[prop_or_default]
    pub children: Html,
}

/// A button that is an icon.
#[component]
pub fn Tool(props: &ToolProps) -> Html {
    let title = if props.keys.is_empty() {
        props.label.to_string()
    } else {
        format!("{} ({})", props.label, props.keys)
    };
    html! {
        <button type="button" class={classes!("tool", props.class.clone())} {title} aria-label={props.label.clone()}
            disabled={props.disabled} aria-pressed={props.pressed.map(|it| if it { "true" } else { "false" })}
            onclick={props.on_click.reform(|_| ())}>
            <Icon glyph={props.glyph} />
            { props.children.clone() }
        </button>
    }
}
