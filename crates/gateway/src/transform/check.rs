//! What is looked at of an expression before it is ever evaluated.

use jlens_core::{Ast, Node, NodeKind, ast::BinaryOp, stack};

use super::{MAX_ARRAY, TransformError};

/// Refuses what is not to be had. Returns whether there are ranges whose lengths are not known.
pub(super) fn check(ast: &Ast) -> Result<bool, TransformError> {
    let mut found = Found { has_open_ranges: false, problem: None };
    found.look_at(&ast.root);
    found.problem.map_or(Ok(found.has_open_ranges), Err)
}

struct Found {
    has_open_ranges: bool,
    problem: Option<TransformError>,
}

impl Found {
    fn look_at(&mut self, node: &Node) {
        if self.problem.is_some() {
            return;
        }
        match &node.kind {
            NodeKind::Variable { name } if name == "eval" => {
                let message = "$eval is switched off: an expression is what was saved";
                self.problem = Some(TransformError::not_allowed(message, Some(node.position)));
            }
            NodeKind::Binary { op: BinaryOp::Range, lhs, rhs } => self.look_at_range(node, lhs, rhs),
            _ => {}
        }
        stack::grow(|| node.for_each_child(|child| self.look_at(child)));
    }

    fn look_at_range(&mut self, node: &Node, from: &Node, to: &Node) {
        let (Some(from), Some(to)) = (number(from), number(to)) else {
            self.has_open_ranges = true;
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "it is far below what a float holds exactly")]
        if to - from + 1.0 > MAX_ARRAY as f64 {
            let message = format!("The range has more than {MAX_ARRAY} items");
            self.problem = Some(TransformError::not_allowed(message, Some(node.position)));
        }
    }
}

/// A number that stands there as it is.
fn number(node: &Node) -> Option<f64> {
    match &node.kind {
        NodeKind::Number { value } => Some(*value),
        NodeKind::Negate { expr } => number(expr).map(|value| -value),
        NodeKind::Path { steps, .. } => match steps.as_slice() {
            [only] => number(only),
            _ => None,
        },
        _ => None,
    }
}
