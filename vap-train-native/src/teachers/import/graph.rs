//! The wiring of an ONNX graph: which node gives a value, which read it, and what is constant. Weights that are stored
//! as integers are floats here.

use std::collections::HashMap;

use prost::Message;

use super::onnx::{Model, Node, Numbers};

/// Nodes that hand a value on, in another form at most.
const SAME: [&str; 10] = [
    "QuantizeLinear",
    "DequantizeLinear",
    "Identity",
    "Cast",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Flatten",
    "Dropout",
];

/// Result with what is wrong, in words.
pub type Found<T> = Result<T, String>;

/// A graph that can be walked both ways.
pub struct Graph {
    nodes: Vec<Node>,
    constants: HashMap<String, Numbers>,
    giver: HashMap<String, usize>,
    readers: HashMap<String, Vec<usize>>,
}

/// A matrix product with a constant, met on a walk.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Numbers,
    /// `[out]`, where there is one.
    pub bias: Option<Numbers>,
}

impl Graph {
    /// The graph of a file.
    pub fn read(bytes: &[u8]) -> Found<Graph> {
        let model = Model::decode(bytes).map_err(|e| format!("not an ONNX file: {e}"))?;
        let graph = model.graph.ok_or("not an ONNX file: it has no graph")?;
        let mut constants = HashMap::new();
        for tensor in &graph.initializers {
            // Those that cannot be read may not matter; a walk that needs one says so.
            if let Ok(numbers) = tensor.numbers() {
                constants.insert(tensor.name.clone(), numbers);
            }
        }
        let (mut giver, mut readers) = (HashMap::new(), HashMap::<String, Vec<usize>>::new());
        for (i, node) in graph.nodes.iter().enumerate() {
            if let Some(numbers) = folded(node, &constants)? {
                constants.insert(node.output().into(), numbers);
            }
            giver.extend(node.outputs.iter().map(|name| (name.clone(), i)));
            node.inputs.iter().for_each(|name| readers.entry(name.clone()).or_default().push(i));
        }
        Ok(Graph { nodes: graph.nodes, constants, giver, readers })
    }

    /// Nodes of a kind, each behind those it reads from.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| node.kind == kind)
    }

    /// A constant of so many axes.
    pub fn constant(&self, name: &str, axes: usize) -> Option<&Numbers> {
        self.constants.get(name).filter(|numbers| numbers.shape.len() == axes)
    }

    fn is_constant(&self, name: &str) -> bool {
        self.constants.contains_key(name)
    }

    /// The node that gives a value, forms aside.
    pub fn from(&self, value: &str) -> Option<&Node> {
        let mut value = value;
        // A graph has no circle, but a file may.
        for _ in 0..self.nodes.len() {
            let node = &self.nodes[*self.giver.get(value)?];
            if !SAME.contains(&node.kind.as_str()) {
                return Some(node);
            }
            value = node.input(0);
        }
        None
    }

    /// The nodes that read a value, forms aside.
    pub fn to(&self, value: &str) -> Vec<&Node> {
        let (mut found, mut todo, mut seen) = (Vec::new(), vec![value], 0);
        while let Some(value) = todo.pop() {
            seen += 1;
            if seen > self.nodes.len() {
                break;
            }
            for node in self.readers.get(value).into_iter().flatten().map(|i| &self.nodes[*i]) {
                if SAME.contains(&node.kind.as_str()) && node.input(0) == value {
                    todo.push(node.output());
                } else {
                    found.push(node);
                }
            }
        }
        found
    }

    /// The only node of a kind that reads a value.
    pub fn only(&self, value: &str, kind: &str) -> Found<&Node> {
        let found: Vec<&Node> = self.to(value).into_iter().filter(|node| node.kind == kind).collect();
        match found.as_slice() {
            [node] => Ok(node),
            _ => Err(format!("expected one {kind} that reads {value:?}, found {}", found.len())),
        }
    }

    /// The input of an addition or a product that is no constant, and the constant.
    fn with_constant<'a>(&'a self, node: &'a Node) -> Option<(&'a str, &'a Numbers)> {
        let [a, b] = [node.input(0), node.input(1)];
        match (self.constants.get(a), self.constants.get(b)) {
            (None, Some(numbers)) => Some((a, numbers)),
            (Some(numbers), None) => Some((b, numbers)),
            _ => None,
        }
    }

    /// Walks up from a value to the matrix product it comes from: its weights, the factor behind it, and the value that
    /// goes into it.
    pub fn linear_of(&self, value: &str) -> Found<(Linear, f64, &str)> {
        let (mut value, mut factor, mut bias) = (value, 1.0, None);
        for _ in 0..self.nodes.len() {
            let node = self.from(value).ok_or_else(|| format!("nothing gives {value:?}"))?;
            if let Some((weight, own)) = self.product(node)? {
                let bias: Option<Numbers> = bias.or(own);
                // The factors met before the bias are behind it, too; the others are in front.
                return Ok((Linear { weight, bias }, factor, node.input(0)));
            }
            let (next, numbers) = self
                .with_constant(node)
                .ok_or_else(|| format!("expected a matrix product above {value:?}, found {}", node.kind))?;
            match (node.kind.as_str(), numbers.values.as_slice()) {
                ("Mul", [by]) if bias.is_none() => factor *= by,
                ("Div", [by]) if bias.is_none() && next == node.input(0) => factor /= by,
                ("Add", _) if bias.is_none() => bias = Some(flat(numbers)),
                (kind, _) => return Err(format!("expected a matrix product above {value:?}, found {kind}")),
            }
            value = next;
        }
        Err("the graph goes in a circle".into())
    }

    /// Walks down from a value to the matrix product that reads it: its weights, and the value behind its bias.
    pub fn linear_on(&self, value: &str) -> Found<(Linear, &str)> {
        let mut products = Vec::new();
        for node in self.to(value) {
            if let Some(found) = self.product(node)? {
                products.push((found, node));
            }
        }
        let [((weight, bias), node)] = <[_; 1]>::try_from(products)
            .map_err(|found| format!("expected one matrix product on {value:?}, found {}", found.len()))?;
        if bias.is_some() {
            return Ok((Linear { weight, bias }, node.output()));
        }
        for next in self.to(node.output()).into_iter().filter(|next| next.kind == "Add") {
            if let Some((_, numbers)) = self.with_constant(next) {
                return Ok((Linear { weight, bias: Some(flat(numbers)) }, next.output()));
            }
        }
        Ok((Linear { weight, bias: None }, node.output()))
    }

    /// Walks down from a value through an exact GELU (by `Erf` or as a node of its own) to the value behind it.
    pub fn behind_gelu<'a>(&'a self, value: &'a str) -> Found<&'a str> {
        if let Some(node) = self.to(value).into_iter().find(|node| node.kind == "Gelu") {
            let form = node.text("approximate").unwrap_or(b"none");
            return match form {
                b"none" => Ok(node.output()),
                _ => Err(format!("expected the exact GELU, found {}", String::from_utf8_lossy(form))),
            };
        }
        // x / sqrt 2, erf, + 1, * 0.5, * x, in any order of the products: the last is what no product follows.
        let step = |value: &'a str, kinds: &[&str]| {
            self.to(value).into_iter().find(|node| kinds.contains(&node.kind.as_str())).map(Node::output)
        };
        let behind = step(value, &["Div"])
            .or_else(|| {
                // As a product with 1 / sqrt 2; the other reader of `value` is the last product.
                let mut products = self.to(value).into_iter().filter(|node| node.kind == "Mul");
                products.find(|node| self.with_constant(node).is_some()).map(Node::output)
            })
            .and_then(|x| step(x, &["Erf"]))
            .and_then(|x| step(x, &["Add"]));
        let mut last = behind.ok_or_else(|| format!("expected the exact GELU behind {value:?}"))?;
        for _ in 0..2 {
            match self.to(last).into_iter().find(|node| node.kind == "Mul") {
                Some(node) => last = node.output(),
                None => break,
            }
        }
        Ok(last)
    }

    /// Weight as `[out, in]` and bias of a matrix product with a constant.
    fn product(&self, node: &Node) -> Found<Option<(Numbers, Option<Numbers>)>> {
        let Some(weight) = self.constant(node.input(1), 2) else { return Ok(None) };
        match node.kind.as_str() {
            "MatMul" => Ok(Some((transposed(weight), None))),
            "Gemm" => {
                let plain = |name| node.float(name).is_none_or(|factor| factor == 1.0);
                if !plain("alpha") || !plain("beta") || node.int("transA").unwrap_or(0) != 0 {
                    return Err("expected a Gemm without factors and with rows as they are".into());
                }
                let turned = node.int("transB").unwrap_or(0) != 0;
                let weight = if turned { weight.clone() } else { transposed(weight) };
                Ok(Some((weight, self.constants.get(node.input(2)).map(flat))))
            }
            _ => Ok(None),
        }
    }

    /// Whether any input of a node is constant.
    pub fn reads_constant(&self, node: &Node) -> bool {
        node.inputs.iter().any(|name| self.is_constant(name))
    }
}

/// Without axes of length 1.
fn flat(numbers: &Numbers) -> Numbers {
    let shape = numbers.shape.iter().copied().filter(|d| *d != 1).collect::<Vec<_>>();
    let shape = if shape.is_empty() { vec![numbers.values.len()] } else { shape };
    Numbers { shape, values: numbers.values.clone() }
}

fn transposed(matrix: &Numbers) -> Numbers {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1]);
    let values = (0..rows * columns).map(|i| matrix.values[i % rows * columns + i / rows]).collect();
    Numbers { shape: vec![columns, rows], values }
}

/// The value of a node whose inputs are constant, for the kinds that stand between a stored weight and its use.
fn folded(node: &Node, constants: &HashMap<String, Numbers>) -> Found<Option<Numbers>> {
    let input = |place: usize| constants.get(node.input(place));
    if node.kind == "Constant" {
        return node.tensor("value").map(|t| t.numbers()).transpose();
    }
    let Some(x) = input(0) else { return Ok(None) };
    match node.kind.as_str() {
        "Identity" | "Cast" => Ok(Some(x.clone())),
        "Transpose" => {
            let axes = x.shape.len();
            let turned = axes == 2 && node.ints("perm").is_none_or(|perm| *perm == [1, 0]);
            Ok(turned.then(|| transposed(x)))
        }
        "DequantizeLinear" => {
            let scale = input(1).ok_or_else(|| format!("scale {:?} is not constant", node.input(1)))?;
            let zero = match node.input(2) {
                "" => None,
                name => Some(input(2).ok_or_else(|| format!("zero point {name:?} is not constant"))?),
            };
            let axis = node.int("axis").unwrap_or(1);
            if node.int("block_size").unwrap_or(0) != 0 {
                return Err(format!(
                    "{:?}: expected a scale a tensor or an axis, found blocks",
                    node.input(0)
                ));
            }
            dequantised(x, scale, zero, axis).map(Some).ok_or_else(|| {
                format!(
                    "{:?}: scales of shape {:?} do not fit {:?} at axis {axis}",
                    node.input(0),
                    scale.shape,
                    x.shape
                )
            })
        }
        _ => Ok(None),
    }
}

/// `(x - zero) * scale`, one scale for all or one for each place on `axis`.
fn dequantised(x: &Numbers, scale: &Numbers, zero: Option<&Numbers>, axis: i64) -> Option<Numbers> {
    let same = |z: &Numbers| z.values.len() == scale.values.len();
    if !zero.is_none_or(same) {
        return None;
    }
    let zero = |i: usize| zero.map_or(0.0, |z| z.values[i]);
    let (places, inner) = if scale.values.len() == 1 {
        (1, x.values.len().max(1))
    } else {
        let axes = x.shape.len() as i64;
        let axis = usize::try_from(if axis < 0 { axis + axes } else { axis }).ok()?;
        let places = *x.shape.get(axis)?;
        if places != scale.values.len() {
            return None;
        }
        (places, x.shape[axis + 1..].iter().product::<usize>().max(1))
    };
    let values = x.values.iter().enumerate().map(|(i, value)| {
        let place = i / inner % places;
        (value - zero(place)) * scale.values[place]
    });
    Some(Numbers { shape: x.shape.clone(), values: values.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: &[usize], values: &[f64]) -> Numbers {
        Numbers { shape: shape.into(), values: values.into() }
    }

    #[test]
    fn scales_of_a_tensor_and_of_either_axis() {
        let x = numbers(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let one = dequantised(&x, &numbers(&[], &[0.5]), Some(&numbers(&[], &[2.0])), 1).unwrap();
        assert_eq!(one.values, [-0.5, 0.0, 0.5, 1.0]);
        let scales = numbers(&[2], &[1.0, 10.0]);
        assert_eq!(dequantised(&x, &scales, None, 1).unwrap().values, [1.0, 20.0, 3.0, 40.0]);
        let zeros = numbers(&[2], &[0.0, 1.0]);
        assert_eq!(dequantised(&x, &scales, Some(&zeros), -2).unwrap().values, [1.0, 2.0, 20.0, 30.0]);
        assert!(dequantised(&x, &numbers(&[3], &[1.0; 3]), None, 1).is_none());
        assert!(dequantised(&x, &scales, Some(&numbers(&[1], &[0.0])), 1).is_none());
        assert!(dequantised(&x, &scales, None, 7).is_none());
    }

    #[test]
    fn matrices_turn() {
        let x = transposed(&numbers(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert_eq!(x, numbers(&[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        assert!(Graph::read(b"\xff\xff\xff\xff not protobuf").is_err());
        assert!(Graph::read(b"").err().unwrap().contains("no graph"));
    }
}
