//! How text is shown on a terminal: which colour, how wide, in which columns, and how fast work goes on.
//! Nothing is written here.
//!
//! Colour is put into texts where they are made ([`paint`]), and taken out again where they are written, unless
//! the stream is one that may have it ([`plain`]): nobody in between has to know.

mod colour;
mod pace;
mod shorten;
mod table;
mod wrap;

pub use colour::{ColourMode, Tone, is_wanted, paint, plain};
pub use pace::{Rate, left};
pub use shorten::shorten;
pub use table::{Cell, Column, Table};
pub use wrap::wrap;

/// How wide a text is on a terminal, which is not what its characters count.
pub fn width(text: &str) -> usize {
    console::measure_text_width(text)
}
