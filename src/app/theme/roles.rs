//! How the parts that events play in a resolution look: by shape and letter, and by colour too.

use egui::{Align2, Color32, FontId, Painter, Pos2, Shape, Stroke, Vec2, vec2};

use super::Tokens;
use crate::session::Role;

/// The outline of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outline {
    /// A filled circle.
    Disc,
    /// An empty circle.
    Ring,
    /// An empty circle with a bar across.
    BarredRing,
    /// A square.
    Square,
    /// A square on its tip.
    Diamond,
    /// A triangle on its base.
    Triangle,
    /// A triangle on its tip.
    Funnel,
    /// A hexagon on its tip.
    Hexagon,
    /// A star of five points.
    Star,
    /// A circle with an oblique cross.
    Cross,
    /// A narrow upright bar.
    Bar,
}

/// How a role looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoleStyle {
    /// The letter beside or in the mark.
    pub letter: &'static str,
    /// The shape of the mark.
    pub outline: Outline,
    /// The colour, over the background.
    pub color: Color32,
}

/// How `role` looks.
pub fn style(role: Role, tokens: &Tokens) -> RoleStyle {
    let [sky, orange, green, purple, yellow, blue, vermillion, grey] = tokens.hues;
    let (letter, outline, color) = match role {
        Role::Conflicted => ("C", Outline::Diamond, orange),
        Role::AuthDifference => ("A", Outline::Triangle, yellow),
        Role::Subgraph => ("S", Outline::Hexagon, purple),
        Role::Power => ("P", Outline::Square, blue),
        Role::Ready => ("R", Outline::Ring, sky),
        Role::Blocked => ("B", Outline::BarredRing, grey),
        Role::Chosen => ("1", Outline::Star, sky),
        Role::Allowed => ("+", Outline::Disc, green),
        Role::Denied => ("\u{d7}", Outline::Cross, vermillion),
        Role::Mainline => ("M", Outline::Bar, tokens.text),
        Role::Authorizing => ("E", Outline::Funnel, purple),
    };
    RoleStyle { letter, outline, color }
}

/// The letter of a role, for lists of letters.
pub fn letter(role: Role) -> &'static str {
    style(role, &super::DARK).letter
}

impl RoleStyle {
    /// Paints the mark around `center`, `radius` points to each side.
    pub fn paint(&self, painter: &Painter, center: Pos2, radius: f32) {
        let stroke = Stroke::new((radius * 0.3).max(1.2), self.color);
        match self.outline {
            Outline::Disc => {
                painter.circle_filled(center, radius, self.color);
            }
            Outline::Ring => {
                painter.circle_stroke(center, radius * 0.85, stroke);
            }
            Outline::BarredRing => {
                painter.circle_stroke(center, radius * 0.85, stroke);
                painter.line_segment([center - vec2(radius, 0.0), center + vec2(radius, 0.0)], stroke);
            }
            Outline::Cross => {
                let arm = Vec2::splat(radius * 0.9);
                painter.line_segment([center - arm, center + arm], stroke);
                let arm = vec2(arm.x, -arm.y);
                painter.line_segment([center - arm, center + arm], stroke);
            }
            Outline::Star => star(painter, center, radius * 1.2, self.color),
            outline => {
                let points = corners(outline).iter().map(|corner| center + *corner * radius).collect();
                painter.add(Shape::convex_polygon(points, self.color, Stroke::NONE));
            }
        }
    }

    /// Paints the letter around `center`.
    pub fn paint_letter(&self, painter: &Painter, center: Pos2, size: f32, color: Color32) {
        painter.text(center, Align2::CENTER_CENTER, self.letter, FontId::proportional(size), color);
    }
}

/// The corners of a convex outline, for a radius of 1.
fn corners(outline: Outline) -> &'static [Vec2] {
    const fn at(x: f32, y: f32) -> Vec2 {
        Vec2::new(x, y)
    }
    match outline {
        Outline::Square => const { &[at(-0.9, -0.9), at(0.9, -0.9), at(0.9, 0.9), at(-0.9, 0.9)] },
        Outline::Diamond => const { &[at(0.0, -1.2), at(1.2, 0.0), at(0.0, 1.2), at(-1.2, 0.0)] },
        Outline::Triangle => const { &[at(0.0, -1.1), at(1.1, 0.85), at(-1.1, 0.85)] },
        Outline::Funnel => const { &[at(-1.1, -0.85), at(1.1, -0.85), at(0.0, 1.1)] },
        Outline::Bar => const { &[at(-0.4, -1.2), at(0.4, -1.2), at(0.4, 1.2), at(-0.4, 1.2)] },
        _ => {
            const {
                &[
                    at(0.0, -1.1),
                    at(0.95, -0.55),
                    at(0.95, 0.55),
                    at(0.0, 1.1),
                    at(-0.95, 0.55),
                    at(-0.95, -0.55),
                ]
            }
        }
    }
}

/// A star is not convex: five triangles around a pentagon.
fn star(painter: &Painter, center: Pos2, radius: f32, color: Color32) {
    let at = |tenth: usize, radius: f32| {
        let angle = std::f32::consts::TAU * (tenth as f32 / 10.0 - 0.25);
        center + Vec2::angled(angle) * radius
    };
    let inner = radius * 0.45;
    let pentagon = (0..5).map(|point| at(2 * point + 1, inner)).collect();
    painter.add(Shape::convex_polygon(pentagon, color, Stroke::NONE));
    for point in 0..5 {
        let tip = vec![at(2 * point + 9, inner), at(2 * point, radius), at(2 * point + 1, inner)];
        painter.add(Shape::convex_polygon(tip, color, Stroke::NONE));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::app::theme::{DARK, LIGHT};

    #[test]
    fn shape_and_letter_tell_roles_apart() {
        for tokens in [&DARK, &LIGHT] {
            let letters: BTreeSet<_> = Role::ALL.iter().map(|role| style(*role, tokens).letter).collect();
            let outlines: BTreeSet<_> =
                Role::ALL.iter().map(|role| format!("{:?}", style(*role, tokens).outline)).collect();
            assert_eq!((letters.len(), outlines.len()), (Role::ALL.len(), Role::ALL.len()));
        }
    }
}
