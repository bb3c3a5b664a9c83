//! A whole course: `course/<nn-track>/<nn-slug>.md` and `labs/*.toml`, read, linted and published as JSON.
//!
//! Always: what is published was read without a fault; lessons of a track stand in their `order`.

use super::front::{self, Front};
use super::sections::{self, Heading};
use super::{Fault, Piece, checks, lint, prose};
use crate::{Course, Lesson, Part, Section, Solution, Track, Wrong};
use api::Lab;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A lesson with what only its proof needs.
#[derive(Clone, Debug)]
pub struct Authored {
    pub file: String,
    pub lesson: Lesson,
    pub wrong: Vec<Wrong>,
}

/// Reads one lesson file's text; `lab` finds the lab it names.
pub fn read_lesson(
    file: &str,
    text: &str,
    lab: impl Fn(&str) -> Result<Lab, String>,
) -> Result<Authored, Fault> {
    let (head, body) = front::split(file, text)?;
    let front: Front = head.yaml()?;
    let mut lab = lab(&front.lab).map_err(|words| head.fault(line_of(head, "lab:"), words))?;
    let (mut wrong, mut found) = (Vec::new(), Vec::new());
    let mut lesson = Lesson {
        id: front.id,
        kind: front.kind,
        title: front.title,
        track: front.track,
        order: front.order,
        exams: front.exams,
        weight: front.weight,
        target_seconds: front.target_seconds,
        needs: front.needs,
        profile: front.profile,
        lab: Lab::default(),
        host: front.host,
        seed: front.seed,
        docs: front.docs,
        reviewed: front.reviewed,
        sections: Vec::new(),
        checks: Vec::new(),
        hints: Vec::new(),
        solution: Solution { html: String::new(), run: Vec::new() },
        debrief: String::new(),
    };
    for (heading, piece) in sections::cut(body)? {
        if found.contains(&heading) && heading != Heading::Hint {
            return Err(piece.fault(0, "this heading stands twice"));
        }
        found.push(heading.clone());
        let section = |part, piece| Ok(Section { part, html: prose::html(piece)? });
        match heading {
            Heading::Introduction => lesson.sections.push(section(Part::Introduction, piece)?),
            Heading::Step(title) => lesson.sections.push(section(Part::Step { title }, piece)?),
            Heading::Goal => lesson.sections.push(section(Part::Goal, piece)?),
            Heading::Setup => {
                let setup =
                    prose::typed(piece).into_iter().map(|it| api::lab::Setup { on: it.on, run: it.run });
                lab.setup.extend(setup);
            }
            Heading::Checks => lesson.checks = checks::read(sections::yaml_block(piece)?)?,
            Heading::Hint => lesson.hints.push(prose::html(piece)?),
            Heading::Solution => {
                lesson.solution = Solution { html: prose::html(piece)?, run: prose::typed(piece) }
            }
            Heading::Wrong => wrong = sections::yaml_block(piece)?.yaml()?,
            Heading::Debrief => lesson.debrief = prose::html(piece)?,
        }
    }
    lesson.lab = lab;
    let authored = Authored { file: file.to_owned(), lesson, wrong };
    lint::lesson(&authored, Piece { file, line: 1, text })?;
    Ok(authored)
}

fn line_of(piece: Piece<'_>, start: &str) -> usize {
    piece.text.lines().position(|line| line.starts_with(start)).unwrap_or(0)
}

fn read_lab(folder: &Path, name: &str) -> Result<Lab, String> {
    let path = folder.join(format!("{name}.toml"));
    let text =
        fs::read_to_string(&path).map_err(|error| format!("lab `{name}`: {}: {error}", path.display()))?;
    let mut lab: Lab = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
        format!("{}:{line}: {}", path.display(), error.message())
    })?;
    lab.name = name.to_owned();
    Ok(lab)
}

/// Reads all lessons below `root` (which holds `course/` and `labs/`), in the order of the course.
pub fn read_course(root: &Path) -> Result<Vec<Authored>, Fault> {
    let mut lessons = Vec::new();
    for file in markdown(&root.join("course"))? {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file).map_err(|error| fault(&file, &error))?;
        lessons.push(read_lesson(&name, &text, |lab| read_lab(&root.join("labs"), lab))?);
    }
    lint::course(&lessons)?;
    Ok(lessons)
}

fn fault(path: &Path, error: &std::io::Error) -> Fault {
    Fault { file: path.display().to_string(), line: 0, words: error.to_string() }
}

/// All `.md` files of the tracks, sorted by path.
fn markdown(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| fault(folder, &error))? {
        let path = entry.map_err(|error| fault(folder, &error))?.path();
        if path.is_dir() {
            files.extend(markdown(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The title of a track from its folder: `01-links-and-routes` is `Links and routes`.
fn track_title(id: &str) -> String {
    let words = id.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Writes `index.json` and one `<id>.json` a lesson; answers how many.
pub fn publish(lessons: &[Authored], out: &Path) -> std::io::Result<usize> {
    fs::create_dir_all(out)?;
    let mut tracks: BTreeMap<&str, Track> = BTreeMap::new();
    for Authored { lesson, .. } in lessons {
        fs::write(out.join(format!("{}.json", lesson.id)), serde_json::to_vec(lesson)?)?;
        let track = tracks.entry(&lesson.track).or_insert_with(|| Track {
            id: lesson.track.clone(),
            title: track_title(&lesson.track),
            lessons: Vec::new(),
        });
        track.lessons.push(lesson.entry());
    }
    let mut course = Course { tracks: tracks.into_values().collect() };
    course.tracks.iter_mut().for_each(|track| track.lessons.sort_by_key(|entry| entry.order));
    fs::write(out.join("index.json"), serde_json::to_vec(&course)?)?;
    Ok(lessons.len())
}
