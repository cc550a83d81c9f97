//! From the graph of an ONNX file to the encoder in it. Names of weights are not looked at: products have none that
//! mean anything once they are quantised. What a product is follows from where it stands: what meets above a softmax is
//! query and key, what meets below it the value.

use super::graph::{Found, Graph};
use super::onnx::Node;
use super::source::{Affine, Head, Layer, Norm, SourceEncoder, affine, weight};

/// Reads the encoder of a graph.
///
/// # Errors
/// What was expected at which value, and what was found.
pub fn encoder(graph: &Graph) -> Found<SourceEncoder> {
    let mut convolutions = graph.of_kind("Conv").filter(|node| graph.constant(node.input(1), 3).is_some());
    let (Some(first), Some(second)) = (convolutions.next(), convolutions.next()) else {
        return Err("expected two convolutions over time with constant weights".into());
    };
    let (conv1, conv2) = (convolution(graph, first, 1)?, convolution(graph, second, 2)?);

    let mut layers = Vec::new();
    let mut heads = None;
    let mut frames: Option<&str> = None;
    let mut begin: Option<&str> = None;
    for softmax in graph.of_kind("Softmax") {
        let Some(scores) =
            graph.from(softmax.input(0)).filter(|n| n.kind == "MatMul" && !graph.reads_constant(n))
        else {
            continue;
        };
        let (query, query_factor, heard) = graph.linear_of(scores.input(0))?;
        let (key, key_factor, key_heard) = graph.linear_of(scores.input(1))?;
        let mixed = graph.only(softmax.output(), "MatMul")?;
        let (value, value_factor, value_heard) = graph.linear_of(mixed.input(1))?;
        let norm_node = norm_above(graph, heard)?;
        let same = [key_heard, value_heard]
            .iter()
            .all(|v| graph.from(v).map(Node::output) == Some(norm_node.output()));
        if !same || value_factor != 1.0 {
            return Err(format!("expected query, key and value of one norm above {:?}", softmax.output()));
        }
        let own = heads_of(query_factor * key_factor, query.weight.shape[0])?;
        if *heads.get_or_insert(own) != own {
            return Err("expected as many heads in every layer".into());
        }
        let before = norm_node.input(0);
        if frames.is_some_and(|frames| frames != before) {
            return Err(format!("expected layers behind one another, found one that reads {before:?}"));
        }
        begin.get_or_insert(before);
        let (output, behind) = graph.linear_on(mixed.output())?;
        let middle = sum_of(graph, behind, before)?;
        let second_norm = graph.only(middle, "LayerNormalization")?;
        let (expand, wide) = graph.linear_on(second_norm.output())?;
        let (contract, behind) = graph.linear_on(graph.behind_gelu(wide)?)?;
        frames = Some(sum_of(graph, behind, middle)?);
        layers.push(Layer {
            attention_norm: norm(graph, norm_node)?,
            query: affine(&query),
            key: affine(&key),
            value: affine(&value),
            output: affine(&output),
            feed_forward_norm: norm(graph, second_norm)?,
            expand: affine(&expand),
            contract: affine(&contract),
        });
    }
    let (Some(begin), Some(frames), Some(heads)) = (begin, frames, heads) else {
        return Err("expected attention layers: a softmax over a product of query and key".into());
    };
    let last = graph.only(frames, "LayerNormalization")?;
    let sum = graph.from(begin).filter(|node| node.kind == "Add");
    let positions = sum
        .and_then(|node| {
            node.inputs.iter().find_map(|name| graph.constant(name, 2).or(graph.constant(name, 3)))
        })
        .ok_or_else(|| format!("expected constant positions in what gives {begin:?}"))?;
    let mut positions = weight(positions);
    if positions.shape.len() == 3 && positions.shape[0] == 1 {
        positions.shape.remove(0);
    }
    let epsilon = f64::from(last.float("epsilon").unwrap_or(1e-5));
    let found = SourceEncoder {
        conv1,
        conv2,
        positions,
        layers,
        norm: norm(graph, last)?,
        heads,
        norm_epsilon: epsilon,
        head: head(graph, last.output())?,
    };
    found.check()?;
    Ok(found)
}

/// What pools and classifies the encoder's frames; none when no matrix product reads them.
fn head(graph: &Graph, frames: &str) -> Found<Option<Head>> {
    if !graph.to(frames).into_iter().any(|node| node.kind == "MatMul" && graph.reads_constant(node)) {
        return Ok(None);
    }
    let (pool_hidden, value) = graph.linear_on(frames)?;
    let (pool_score, value) = graph.linear_on(graph.only(value, "Tanh")?.output())?;
    let weights = graph.only(value, "Softmax")?.output();
    let pooled = graph.only(graph.only(weights, "Mul")?.output(), "ReduceSum")?.output();
    let (first, value) = graph.linear_on(pooled)?;
    let first_norm = graph.only(value, "LayerNormalization")?;
    let (second, value) = graph.linear_on(graph.behind_gelu(first_norm.output())?)?;
    let (third, value) = graph.linear_on(graph.behind_gelu(value)?)?;
    graph.only(value, "Sigmoid")?;
    Ok(Some(Head {
        pool_hidden: affine(&pool_hidden),
        pool_score: affine(&pool_score),
        first: affine(&first),
        first_norm: norm(graph, first_norm)?,
        second: affine(&second),
        third: affine(&third),
    }))
}

fn convolution(graph: &Graph, node: &Node, stride: i64) -> Found<Affine> {
    let is = |name: &str, expected: &[i64], other: &[i64]| {
        let found = node.ints(name).unwrap_or(other);
        if found == expected {
            return Ok(());
        }
        Err(format!("convolution {:?}: expected {name} {expected:?}, found {found:?}", node.output()))
    };
    is("strides", &[stride], &[1])?;
    is("pads", &[1, 1], &[0, 0])?;
    is("dilations", &[1], &[1])?;
    let kernel = graph.constant(node.input(1), 3).map(weight);
    let bias = graph.constant(node.input(2), 1).map(weight);
    match (kernel, bias) {
        (Some(weight), Some(bias)) => Ok(Affine { weight, bias }),
        _ => Err(format!("convolution {:?}: expected constant weights and bias", node.output())),
    }
}

fn norm(graph: &Graph, node: &Node) -> Found<Norm> {
    let part = |place: usize| {
        let missing = || format!("norm {:?}: expected constant weights and bias", node.output());
        graph.constant(node.input(place), 1).map(weight).ok_or_else(missing)
    };
    Ok(Norm { weight: part(1)?, bias: part(2)? })
}

fn norm_above<'a>(graph: &'a Graph, value: &str) -> Found<&'a Node> {
    let node = graph.from(value);
    node.filter(|node| node.kind == "LayerNormalization").ok_or_else(|| {
        format!(
            "expected a LayerNormalization above {value:?}, found {}",
            node.map_or("nothing", |n| &n.kind)
        )
    })
}

/// The sum of a part's addition and of what went into the layer.
fn sum_of<'a>(graph: &'a Graph, addition: &str, before: &str) -> Found<&'a str> {
    let given = |name: &str| graph.from(name).map(Node::output);
    let is_sum = |node: &&Node| {
        node.kind == "Add" && node.inputs.iter().any(|name| name == before || given(name) == given(before))
    };
    let found = graph.to(addition).into_iter().find(is_sum);
    found.map(Node::output).ok_or_else(|| format!("expected {addition:?} to be added to {before:?}"))
}

/// Heads of a layer whose scores are scaled by `factor`, the root of a head's width.
fn heads_of(factor: f64, dim: usize) -> Found<usize> {
    let head_dim = 1.0 / (factor * factor);
    let rounded = head_dim.round();
    let whole = (1.0..=dim as f64).contains(&rounded) && (head_dim - rounded).abs() < 1e-3 * rounded;
    if whole && dim.is_multiple_of(rounded as usize) {
        return Ok(dim / rounded as usize);
    }
    Err(format!(
        "expected scores scaled by the root of a head's width, found the factor {factor} at width {dim}"
    ))
}
