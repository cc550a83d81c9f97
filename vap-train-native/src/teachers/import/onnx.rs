//! What is read of an ONNX file: the messages of `onnx.proto` with the fields that carry weights and their wiring, and
//! tensors as numbers. Files come from outside: nothing is trusted before it is checked.

use prost::Message;

/// Values of one tensor at most, so that a small file cannot ask for all memory.
const MOST_VALUES: usize = 1 << 28;

/// `ModelProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// The graph.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphMessage>,
}

/// `GraphProto`.
#[derive(Clone, PartialEq, Message)]
pub struct GraphMessage {
    /// Nodes, each behind those it reads from.
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<Node>,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializers: Vec<Tensor>,
}

/// `NodeProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// Names of the values it reads; empty for one that is left out.
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    /// Names of the values it gives.
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    /// What it does, e.g. `MatMul`.
    #[prost(string, tag = "4")]
    pub kind: String,
    /// Settings.
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
}

impl Node {
    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// A whole number, if it is set.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|a| a.int)
    }

    /// Whole numbers, if they are set.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    /// A number, if it is set.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).map(|a| a.float)
    }

    /// A word, if it is set.
    pub fn text(&self, name: &str) -> Option<&[u8]> {
        self.attribute(name).map(|a| a.text.as_slice())
    }

    /// A tensor, if it is set.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.attribute(name).and_then(|a| a.tensor.as_ref())
    }

    /// The value it reads at `place`, empty when there is none.
    pub fn input(&self, place: usize) -> &str {
        self.inputs.get(place).map_or("", String::as_str)
    }

    /// The first value it gives.
    pub fn output(&self) -> &str {
        self.outputs.first().map_or("", String::as_str)
    }
}

/// `AttributeProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A number.
    #[prost(float, tag = "2")]
    pub float: f32,
    /// A whole number.
    #[prost(int64, tag = "3")]
    pub int: i64,
    /// A word.
    #[prost(bytes = "vec", tag = "4")]
    pub text: Vec<u8>,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub tensor: Option<Tensor>,
    /// Whole numbers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
}

/// `TensorProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// Shape.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// `TensorProto.DataType`.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// Values as f32.
    #[prost(float, repeated, tag = "4")]
    pub floats: Vec<f32>,
    /// Values of small integers, and bits of half floats.
    #[prost(int32, repeated, tag = "5")]
    pub ints: Vec<i32>,
    /// Values as i64.
    #[prost(int64, repeated, tag = "7")]
    pub longs: Vec<i64>,
    /// Name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Values in their bytes, little-endian.
    #[prost(bytes = "vec", tag = "9")]
    pub raw: Vec<u8>,
    /// 1 for values in a file of their own.
    #[prost(int32, tag = "14")]
    pub location: i32,
}

/// A tensor's numbers. f64 holds all that is computed from: integers of 32 bits, too.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// Shape, outermost first.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f64>,
}

impl Tensor {
    /// The numbers, or what is wrong with them.
    pub fn numbers(&self) -> Result<Numbers, String> {
        let fault = |what: String| format!("tensor {:?}: {what}", self.name);
        if self.location != 0 {
            return Err(fault("expected its values in this file, found them in another".into()));
        }
        let shape: Option<Vec<usize>> = self.dims.iter().map(|d| usize::try_from(*d).ok()).collect();
        let count = |shape: &[usize]| shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let (shape, expected) = shape
            .and_then(|shape| count(&shape).filter(|n| *n <= MOST_VALUES).map(|n| (shape, n)))
            .ok_or_else(|| {
                fault(format!("expected a shape of at most {MOST_VALUES} values, found {:?}", self.dims))
            })?;
        let small = || self.ints.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        let values = match (self.data_type, self.raw.is_empty()) {
            (1, true) => self.floats.iter().map(|v| f64::from(*v)).collect(),
            (1, false) => self.bytes(|b: [u8; 4]| f64::from(f32::from_le_bytes(b))),
            (2..=6, true) => small(),
            (2, false) => self.bytes(|b: [u8; 1]| f64::from(b[0])),
            (3, false) => self.bytes(|b: [u8; 1]| f64::from(b[0] as i8)),
            (4, false) => self.bytes(|b: [u8; 2]| f64::from(u16::from_le_bytes(b))),
            (5, false) => self.bytes(|b: [u8; 2]| f64::from(i16::from_le_bytes(b))),
            (6, false) => self.bytes(|b: [u8; 4]| f64::from(i32::from_le_bytes(b))),
            (7, true) => self.longs.iter().map(|v| *v as f64).collect(),
            (7, false) => self.bytes(|b: [u8; 8]| i64::from_le_bytes(b) as f64),
            (10, true) => self.ints.iter().map(|v| half(*v as u16)).collect(),
            (10, false) => self.bytes(|b: [u8; 2]| half(u16::from_le_bytes(b))),
            (11, false) => self.bytes(f64::from_le_bytes),
            (16, false) => {
                self.bytes(|b: [u8; 2]| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)))
            }
            (kind, _) => {
                return Err(fault(format!("expected floats or integers of 8 to 64 bits, found type {kind}")));
            }
        };
        if values.len() != expected {
            return Err(fault(format!(
                "expected {expected} values of shape {shape:?}, found {}",
                values.len()
            )));
        }
        Ok(Numbers { shape, values })
    }

    fn bytes<const N: usize>(&self, value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        let (values, rest) = self.raw.as_chunks::<N>();
        // A rest makes one value too many: the caller counts.
        values.iter().map(|b| value(*b)).chain((!rest.is_empty()).then_some(0.0)).collect()
    }
}

/// A half float of IEEE 754.
pub fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dims: &[i64], data_type: i32, raw: &[u8]) -> Tensor {
        Tensor { name: "w".into(), dims: dims.into(), data_type, raw: raw.into(), ..Tensor::default() }
    }

    #[test]
    fn values_of_all_types() {
        let read = |t: Tensor| t.numbers().unwrap().values;
        assert_eq!(read(tensor(&[2], 1, &[0, 0, 128, 63, 0, 0, 0, 192])), [1.0, -2.0]);
        assert_eq!(read(tensor(&[2], 3, &[255, 127])), [-1.0, 127.0]);
        assert_eq!(read(tensor(&[2], 2, &[255, 127])), [255.0, 127.0]);
        assert_eq!(read(tensor(&[], 4, &[1, 128])), [32_769.0]);
        assert_eq!(read(tensor(&[1], 6, &[254, 255, 255, 255])), [-2.0]);
        assert_eq!(read(tensor(&[3], 10, &[0, 60, 0, 192, 1, 0])), [1.0, -2.0, 2f64.powi(-24)]);
        assert_eq!(read(tensor(&[1], 16, &[128, 191])), [-1.0]);
        let plain = Tensor { dims: vec![2], data_type: 3, ints: vec![-3, 4], ..Tensor::default() };
        assert_eq!(read(plain), [-3.0, 4.0]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (bad, word) in [
            (tensor(&[3], 1, &[0; 8]), "expected 3 values"),
            (tensor(&[2], 1, &[0; 9]), "found 3"),
            (tensor(&[-1], 1, &[0; 4]), "[-1]"),
            (tensor(&[1 << 40, 1 << 40], 1, &[]), "at most"),
            (tensor(&[1 << 29], 1, &[]), "at most"),
            (tensor(&[1], 8, &[0]), "type 8"),
            (Tensor { location: 1, ..tensor(&[1], 1, &[]) }, "another"),
        ] {
            let error = bad.numbers().unwrap_err();
            assert!(error.contains(word) && error.contains("\"w\""), "{error}");
        }
    }
}
