//! Colours, sizes and spacings: the one place where they are chosen.
//!
//! Hues are those of Okabe and Ito, which people with any common kind of colour vision tell apart
//! (<https://jfly.uni-koeln.de/color/>), lightened or darkened until they stand out from the background. No meaning hangs on
//! a colour alone: see [`roles`].

pub mod legend;
pub mod roles;

use egui::{
    Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Theme, Visuals, vec2,
};

/// Sizes in points.
pub mod size {
    /// Text of lists, labels and buttons.
    pub const BODY: f32 = 13.5;
    /// Notes and captions.
    pub const SMALL: f32 = 11.5;
    /// Identifiers and JSON.
    pub const MONOSPACE: f32 = 12.5;
    /// Titles of panels.
    pub const HEADING: f32 = 16.0;
    /// The title of the start screen.
    pub const TITLE: f32 = 26.0;
    /// The height of a row of a list.
    pub const ROW: f32 = 22.0;
    /// The distance of two lanes of the graph.
    pub const LANE: f32 = 14.0;
    /// The radius of the mark of an event.
    pub const MARK: f32 = 4.5;
    /// The space between things that belong together.
    pub const GAP: f32 = 6.0;
    /// The space between things that do not.
    pub const SPACE: f32 = 14.0;
}

/// The colours of one theme.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    /// Behind everything: graph, lists.
    pub background: Color32,
    /// Behind panels and bars.
    pub panel: Color32,
    /// Behind windows, menus and fields that stand out.
    pub raised: Color32,
    /// Lines between panels.
    pub line: Color32,
    /// Every other row.
    pub stripe: Color32,
    /// The row of the cursor.
    pub cursor: Color32,
    /// A selected row.
    pub selected: Color32,
    /// What the pointer is on.
    pub hovered: Color32,
    /// Text.
    pub text: Color32,
    /// Text of less weight.
    pub weak: Color32,
    /// Text of more weight.
    pub strong: Color32,
    /// Links, and what is active.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// It is fine.
    pub good: Color32,
    /// It may be wrong.
    pub warning: Color32,
    /// It is wrong.
    pub bad: Color32,
    /// Lanes, servers, state sets: to be told apart, nothing else. Neighbours differ in lightness too.
    pub hues: [Color32; 8],
    /// Something of the future, which is dimmed: multiply by this.
    pub dimmed: f32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Light on dark.
pub static DARK: Tokens = Tokens {
    background: rgb(0x16181d),
    panel: rgb(0x1d2026),
    raised: rgb(0x272b33),
    line: rgb(0x363b45),
    stripe: rgb(0x1a1c22),
    cursor: rgb(0x17384f),
    selected: rgb(0x2b3340),
    hovered: rgb(0x2f3540),
    text: rgb(0xd5d8de),
    weak: rgb(0x9aa1ad),
    strong: rgb(0xffffff),
    accent: rgb(0x56b4e9),
    on_accent: rgb(0x0c1116),
    good: rgb(0x2fc296),
    warning: rgb(0xe69f00),
    bad: rgb(0xf2793a),
    hues: [
        rgb(0x56b4e9),
        rgb(0xe69f00),
        rgb(0x2fc296),
        rgb(0xe08fbd),
        rgb(0xf0e442),
        rgb(0x5b92d6),
        rgb(0xf2793a),
        rgb(0xb4bac4),
    ],
    dimmed: 0.42,
};

/// Dark on light.
pub static LIGHT: Tokens = Tokens {
    background: rgb(0xffffff),
    panel: rgb(0xf4f5f7),
    raised: rgb(0xffffff),
    line: rgb(0xcfd3da),
    stripe: rgb(0xf8f9fa),
    cursor: rgb(0xcfe8f8),
    selected: rgb(0xe3e8ef),
    hovered: rgb(0xe9ecf1),
    text: rgb(0x22262d),
    weak: rgb(0x5b626e),
    strong: rgb(0x000000),
    accent: rgb(0x0067a3),
    on_accent: rgb(0xffffff),
    good: rgb(0x007556),
    warning: rgb(0x8a5a00),
    bad: rgb(0xb84300),
    hues: [
        rgb(0x0072b2),
        rgb(0xc98500),
        rgb(0x008560),
        rgb(0xb4588f),
        rgb(0xa89b00),
        rgb(0x3b9bd4),
        rgb(0xc24f00),
        rgb(0x6b727e),
    ],
    dimmed: 0.45,
};

impl Tokens {
    /// Those of the theme in use.
    pub fn of(visuals: &Visuals) -> &'static Self {
        if visuals.dark_mode { &DARK } else { &LIGHT }
    }

    /// The colour of the `number`-th thing of a kind; they repeat.
    pub fn hue(&self, number: usize) -> Color32 {
        self.hues[number % self.hues.len()]
    }

    /// A colour of something of the future.
    pub fn dim(&self, color: Color32) -> Color32 {
        color.gamma_multiply(self.dimmed)
    }
}

/// The style of titles on the start screen.
pub fn title() -> TextStyle {
    TextStyle::Name("title".into())
}

/// Gives both themes to egui.
pub fn install(ctx: &egui::Context) {
    ctx.set_style_of(Theme::Dark, style(Theme::Dark, &DARK));
    ctx.set_style_of(Theme::Light, style(Theme::Light, &LIGHT));
}

fn style(theme: Theme, tokens: &Tokens) -> Style {
    let proportional = |size| FontId::new(size, FontFamily::Proportional);
    let mut style = theme.default_style();
    style.text_styles = [
        (TextStyle::Small, proportional(size::SMALL)),
        (TextStyle::Body, proportional(size::BODY)),
        (TextStyle::Button, proportional(size::BODY)),
        (TextStyle::Heading, proportional(size::HEADING)),
        (title(), proportional(size::TITLE)),
        (TextStyle::Monospace, FontId::new(size::MONOSPACE, FontFamily::Monospace)),
    ]
    .into();
    style.spacing.item_spacing = vec2(8.0, 5.0);
    style.spacing.button_padding = vec2(8.0, 3.0);
    style.spacing.interact_size.y = 24.0;
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.window_margin = Margin::same(12);
    style.animation_time = 0.1;
    style.visuals = visuals(theme.default_visuals(), tokens);
    style
}

fn visuals(mut visuals: Visuals, tokens: &Tokens) -> Visuals {
    visuals.panel_fill = tokens.panel;
    visuals.window_fill = tokens.raised;
    visuals.window_stroke = Stroke::new(1.0, tokens.line);
    visuals.extreme_bg_color = tokens.background;
    visuals.faint_bg_color = tokens.stripe;
    visuals.code_bg_color = tokens.hovered;
    visuals.hyperlink_color = tokens.accent;
    visuals.warn_fg_color = tokens.warning;
    visuals.error_fg_color = tokens.bad;
    visuals.weak_text_color = Some(tokens.weak);
    visuals.selection.bg_fill = tokens.cursor;
    visuals.selection.stroke = Stroke::new(1.0, tokens.accent);
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    let widgets = &mut visuals.widgets;
    for (widget, fill, stroke, text) in [
        (&mut widgets.noninteractive, tokens.panel, tokens.line, tokens.text),
        (&mut widgets.inactive, tokens.raised, tokens.line, tokens.text),
        (&mut widgets.hovered, tokens.hovered, tokens.weak, tokens.strong),
        (&mut widgets.active, tokens.selected, tokens.accent, tokens.strong),
        (&mut widgets.open, tokens.selected, tokens.line, tokens.strong),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, stroke);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = CornerRadius::same(5);
        widget.expansion = 0.0;
    }
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (<https://www.w3.org/TR/WCAG21/#dfn-relative-luminance>).
    fn luminance(color: Color32) -> f32 {
        let [r, g, b, _] = egui::Rgba::from(color).to_array();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    /// WCAG 2.1 AA: 4.5 for text, 3 for marks.
    #[test]
    fn text_and_marks_stand_out() {
        for tokens in [&DARK, &LIGHT] {
            for behind in [tokens.background, tokens.panel, tokens.raised, tokens.cursor, tokens.stripe] {
                for text in [tokens.text, tokens.weak, tokens.strong] {
                    assert!(contrast(text, behind) >= 4.5, "{text:?} on {behind:?}");
                }
            }
            for color in [tokens.accent, tokens.good, tokens.warning, tokens.bad] {
                assert!(contrast(color, tokens.panel) >= 4.5, "{color:?}: {}", contrast(color, tokens.panel));
            }
            assert!(contrast(tokens.on_accent, tokens.accent) >= 4.5);
            for hue in tokens.hues {
                assert!(
                    contrast(hue, tokens.background) >= 2.8,
                    "{hue:?}: {}",
                    contrast(hue, tokens.background)
                );
            }
        }
    }
}
