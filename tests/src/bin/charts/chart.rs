//! The bar chart: dark on white, so that it is readable on light and dark pages.

use plotters::prelude::{
    Color, IntoDrawingArea, IntoFont, RGBColor, Rectangle, SVGBackend, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, TextStyle};

const WIDTH: i32 = 720;
const MARGIN: i32 = 20;
/// Width of the labels.
const LABELS: i32 = 170;
/// Width of the numbers behind the bars.
const NUMBERS: i32 = 100;
const TOP: i32 = 56;
const ROW: i32 = 30;
const BAR: i32 = 18;
const FOOT: i32 = 40;

/// Font sizes. The library draws about four fifths of them in pixels.
const TITLE: u32 = 22;
const LABEL: u32 = 17;
const SMALL: u32 = 15;

const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const FAINT: RGBColor = RGBColor(0x59, 0x63, 0x6e);
const OURS: RGBColor = RGBColor(0x09, 0x69, 0xda);
const OTHERS: RGBColor = RGBColor(0xaf, 0xb8, 0xc1);

/// A title, bars, and the source of the numbers.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) bars: Vec<Bar>,
    pub(crate) source: String,
}

#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// Bars of other implementations are grey.
    pub(crate) ours: bool,
}

impl Chart {
    /// The chart as SVG.
    pub(crate) fn draw(&self) -> Result<String, String> {
        let rows = i32::try_from(self.bars.len()).map_err(|error| error.to_string())?;
        let height = TOP + rows * ROW + FOOT;
        let mut svg = String::new();
        {
            let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let failed = |error: &dyn std::fmt::Display| error.to_string();
            area.fill(&WHITE).map_err(|error| failed(&error))?;
            let write = |text: &str, at: (i32, i32), style: TextStyle<'_>| {
                area.draw(&Text::new(text.to_owned(), at, style))
                    .map_err(|error| failed(&error))
            };
            write(
                &self.title,
                (MARGIN, MARGIN + 8),
                style(TITLE, &INK, true, HPos::Left),
            )?;
            for (row, bar) in (0..).zip(&self.bars) {
                let middle = TOP + row * ROW + ROW / 2;
                let left = MARGIN + LABELS;
                let right = left + self.length(bar);
                write(
                    &bar.label,
                    (left - 10, middle),
                    style(LABEL, &INK, false, HPos::Right),
                )?;
                let corners = [(left, middle - BAR / 2), (right, middle + BAR / 2)];
                let fill = if bar.ours { OURS } else { OTHERS }.filled();
                area.draw(&Rectangle::new(corners, fill))
                    .map_err(|error| failed(&error))?;
                let number = format!("{} {}", number(bar.value), self.unit);
                write(
                    &number,
                    (right + 8, middle),
                    style(LABEL, &INK, bar.ours, HPos::Left),
                )?;
            }
            write(
                &self.source,
                (MARGIN, height - FOOT / 2),
                style(SMALL, &FAINT, false, HPos::Left),
            )?;
            area.present().map_err(|error| failed(&error))?;
        }
        Ok(svg)
    }

    /// The length of a bar in pixels; the largest bar has the full length.
    fn length(&self, bar: &Bar) -> i32 {
        let room = f64::from(WIDTH - 2 * MARGIN - LABELS - NUMBERS);
        let largest = self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        let share = if largest > 0.0 {
            bar.value / largest
        } else {
            0.0
        };
        // At most `room`, which is a small number; a bar of 0 is drawn as a line.
        (share * room).round().max(1.0) as i32
    }
}

fn style(size: u32, color: &RGBColor, bold: bool, side: HPos) -> TextStyle<'_> {
    let weight = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    let font = ("Helvetica, Arial, sans-serif", size)
        .into_font()
        .style(weight);
    TextStyle::from(font)
        .color(color)
        .pos(Pos::new(side, VPos::Center))
}

/// The number with three significant digits.
fn number(value: f64) -> String {
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}
