//! The pictures of a report, as SVG: latency against false cut-offs, AUC against the time into the silence,
//! reliability.

use std::path::Path;

use plotters::prelude::*;

use super::{Curves, Report};
use crate::error::{Error, Result};

const SIZE: (u32, u32) = (720, 460);
/// Told apart also by the colour-blind (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];
const FONT: &str = "sans-serif";

/// A line of a picture.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// What stands around the lines.
struct Axes<'a> {
    title: String,
    x: (&'a str, [f64; 2]),
    y: (&'a str, [f64; 2]),
    /// Where the lines leave room.
    legend: SeriesLabelPosition,
}

/// Writes the pictures of a report into `folder` and returns `(file name, what it shows)` of each.
///
/// # Errors
/// [`Error::Io`].
pub fn write(report: &Report, folder: &Path) -> Result<Vec<(String, String)>> {
    let Curves { cutoffs, auc, .. } = &report.curves;
    let slug = report.condition.replace(' ', "-");
    let of = |title: &str| format!("{title}, {} split, {}", report.split, report.condition);
    let lines = |curves: &[Vec<[f64; 2]>]| -> Vec<Line> {
        let named = report.columns.iter().zip(curves);
        named
            .filter(|(_, points)| !points.is_empty())
            .map(|(name, points)| Line {
                name: name.clone(),
                points: points.iter().map(|p| (p[0], p[1])).collect(),
            })
            .collect()
    };
    let mut written = Vec::new();
    let mut add = |name: &str, shows: &str, axes: Axes, lines: Vec<Line>| -> Result<()> {
        let file = format!("{name}-{slug}.svg");
        draw(&folder.join(&file), &axes, &lines)?;
        written.push((file, shows.to_owned()));
        Ok(())
    };
    add(
        "cutoffs",
        "Mean latency against false cut-offs, best policy at each latency; lower left is better",
        Axes {
            title: of("End of turn, agent silent"),
            x: ("mean latency, s", [0.0, 2.0]),
            y: ("false cut-offs, % of pauses", [0.0, 100.0]),
            legend: SeriesLabelPosition::UpperRight,
        },
        lines(cutoffs),
    )?;
    add(
        "auc",
        "How well ends of turns are told from pauses, by the time into the silence; 0.5 is chance",
        Axes {
            title: of("Ends against pauses still open"),
            x: ("time into the silence, ms", [0.0, 1000.0]),
            y: ("AUC", [0.3, 1.0]),
            legend: SeriesLabelPosition::LowerRight,
        },
        lines(auc),
    )?;
    for (head, title) in [("eot", "End of turn"), ("vad", "Voice activity"), ("backchannel", "Backchannel")] {
        let curves = report.reliability.iter().filter(|c| c.head == head);
        let mut lines: Vec<Line> = curves
            .map(|c| Line {
                name: format!("{} (ECE {:.3})", c.model, c.curve.ece),
                points: c.curve.bins.iter().map(|b| (b.mean_score, b.share)).collect(),
            })
            .collect();
        if lines.is_empty() {
            continue;
        }
        lines.push(Line { name: "perfect".into(), points: vec![(0.0, 0.0), (1.0, 1.0)] });
        add(
            &format!("reliability-{head}"),
            &format!("{title}: what share of the frames with a score is what the score says"),
            Axes {
                title: of(&format!("{title}, reliability")),
                x: ("score", [0.0, 1.0]),
                y: ("share of frames that are", [0.0, 1.0]),
                legend: SeriesLabelPosition::UpperLeft,
            },
            lines,
        )?;
    }
    Ok(written)
}

fn draw(path: &Path, axes: &Axes, lines: &[Line]) -> Result<()> {
    let mut svg = String::new();
    drawn(&mut svg, axes, lines).map_err(|e| Error::io(path)(std::io::Error::other(e)))?;
    std::fs::write(path, svg).map_err(Error::io(path))
}

fn drawn(svg: &mut String, axes: &Axes, lines: &[Line]) -> Result<(), String> {
    let told = |e: &dyn std::fmt::Display| e.to_string();
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(|e| told(&e))?;
    let ([x0, x1], [y0, y1]) = (axes.x.1, axes.y.1);
    let mut chart = ChartBuilder::on(&root)
        .caption(&axes.title, (FONT, 18))
        .margin(14)
        .margin_right(28)
        .x_label_area_size(46)
        .y_label_area_size(60)
        .build_cartesian_2d(x0..x1, y0..y1)
        .map_err(|e| told(&e))?;
    chart
        .configure_mesh()
        .x_desc(axes.x.0)
        .y_desc(axes.y.0)
        .x_label_formatter(&plain)
        .y_label_formatter(&plain)
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()
        .map_err(|e| told(&e))?;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let inside = |p: &(f64, f64)| (x0..=x1).contains(&p.0) && (y0..=y1).contains(&p.1);
        let points: Vec<(f64, f64)> = line.points.iter().copied().filter(inside).collect();
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points, style))
            .map_err(|e| told(&e))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(axes.legend.clone())
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 13))
        .draw()
        .map_err(|e| told(&e))?;
    root.present().map_err(|e| told(&e))
}

/// A value on an axis, without the zeros of a rounding.
fn plain(value: &f64) -> String {
    ((value * 100.0).round() / 100.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_well_formed_and_has_its_lines() {
        let legend = SeriesLabelPosition::UpperLeft;
        let axes = Axes { title: "A & <b>".into(), x: ("x", [0.0, 1.0]), y: ("y", [0.0, 1.0]), legend };
        let line = |name: &str, y| Line { name: name.into(), points: vec![(0.0, y), (1.0, y), (0.5, 7.0)] };
        let mut svg = String::new();
        drawn(&mut svg, &axes, &[line("model", 0.2), line("timeout", 0.8)]).unwrap();
        let mut reader = quick_xml::Reader::from_str(&svg);
        let (mut lines, mut texts) = (0, Vec::new());
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Empty(e) if e.name().as_ref() == "polyline" => lines += 1,
                quick_xml::events::Event::Text(t) => texts.push(t.to_string()),
                _ => {}
            }
        }
        assert!(lines >= 2, "{lines} lines");
        assert!(texts.iter().any(|t| t.contains("model")) && texts.iter().any(|t| t.contains("timeout")));
    }
}
