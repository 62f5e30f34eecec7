//! The rewriting of one function.

use wasm_encoder::{
    BlockType, Function, InstructionSink, ValType,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{FunctionBody, Operator};

use super::{Names, changed, reencoding};
use crate::{error::CodeError, structure::Frame};

/// Bytes of a bulk operation for which one turn of the burning loop is paid; a table's element counts for [`ELEMENT_BYTES`].
pub(crate) const BYTES_PER_CHUNK: u64 = 1 << CHUNK_SHIFT;
/// Gas for a turn of the burning loop: its five instructions.
pub(crate) const BURN_PER_CHUNK: u64 = 5;
/// Turns of the burning loop for a page of memory: clearing it and taking its page faults.
pub(crate) const CHUNKS_PER_PAGE: u64 = 1 << PAGE_SHIFT;

const CHUNK_SHIFT: i32 = 5;
const ELEMENT_SHIFT: i32 = 2;
const PAGE_SHIFT: i32 = 11;
/// Growing by more than this, in pages, fails at once and costs nothing: no limit is as high ([`crate::revision::MAX_MEMORY_BYTES`]).
const MAX_PAGES: i32 = 16_384;

/// A function that calls nothing cannot recurse, so one with a small frame is left alone. The native stack has room for one more of them.
const UNCOUNTED_LEAF_SLOTS: u32 = 64;

/// Whether the frame enters into the height of the counted stack.
pub(super) fn is_counted(frame: &Frame) -> bool {
    frame.calls || frame.slots > UNCOUNTED_LEAF_SLOTS
}

/// Burns five units of gas as many times as its argument says, which must not be zero.
pub(super) fn burn() -> Function {
    let mut function = Function::new([]);
    let mut to = function.instructions();
    to.loop_(BlockType::Empty);
    to.local_get(0).i32_const(1).i32_sub().local_tee(0).br_if(0);
    to.end().end();
    function
}

/// Traps as nothing else in a metered module does.
pub(super) fn overflow() -> Function {
    let mut function = Function::new([]);
    function.instructions().f32_const(f32::NAN.into()).i32_trunc_f32_s().drop().end();
    function
}

/// Locals that the rewriting adds, behind the function's own.
struct Scratch {
    length: u32,
    chunks: u32,
    single: u32,
    double: u32,
}

pub(super) fn meter_function(
    module: &[u8],
    body: &FunctionBody<'_>,
    index: u32,
    frame: &Frame,
    names: &Names,
) -> Result<Function, CodeError> {
    let ty = names.functions.get(index as usize).and_then(|ty| names.types.get(*ty as usize));
    let (ty, block) = ty.ok_or_else(changed)?;
    let mut locals = Vec::new();
    for local in body.get_locals_reader()? {
        let (count, ty) = local?;
        locals.push((count, RoundtripReencoder.val_type(ty).map_err(reencoding)?));
    }
    locals.extend([(2, ValType::I32), (1, ValType::F32), (1, ValType::F64)]);
    let first = frame.locals;
    let scratch = Scratch {
        length: first,
        chunks: first.saturating_add(1),
        single: first.saturating_add(2),
        double: first.saturating_add(3),
    };

    let mut out = Function::new(locals);
    let counted = is_counted(frame);
    if counted {
        let block = match (ty.results(), block) {
            ([], _) => BlockType::Empty,
            ([result], _) => BlockType::Result(RoundtripReencoder.val_type(*result).map_err(reencoding)?),
            (_, Some(block)) => BlockType::FunctionType(*block),
            _ => return Err(changed()),
        };
        enter(&mut out.instructions(), frame, names, block, &scratch);
    }
    let mut operators = body.get_operators_reader()?;
    // How many blocks of the contract are open. A counted body stands in one more, which takes the place of the function's own label.
    let mut depth = 0_u32;
    while !operators.eof() {
        let start = operators.original_position();
        let operator = operators.read()?;
        let bytes = module.get(start..operators.original_position()).ok_or_else(changed)?;
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth = depth.saturating_add(1),
            Operator::End if depth > 0 => depth = depth.saturating_sub(1),
            Operator::End if counted => leave(&mut out.instructions(), frame, names),
            Operator::Return if counted => {
                out.instructions().br(depth);
                continue;
            }
            _ => charge(&mut out.instructions(), &operator, names, &scratch),
        }
        out.raw(bytes.iter().copied());
    }
    Ok(out)
}

/// Adds the frame to the height, traps if that is over the limit, and opens the block around the body.
fn enter(to: &mut InstructionSink<'_>, frame: &Frame, names: &Names, block: BlockType, scratch: &Scratch) {
    to.global_get(names.height).i32_const(signed(frame.slots)).i32_add().local_tee(scratch.length);
    to.i32_const(signed(names.limit)).i32_gt_u();
    to.if_(BlockType::Empty).call(names.overflow).end();
    to.local_get(scratch.length).global_set(names.height);
    to.block(block);
}

/// Closes the block around the body and takes the frame from the height.
fn leave(to: &mut InstructionSink<'_>, frame: &Frame, names: &Names) {
    to.end();
    to.global_get(names.height).i32_const(signed(frame.slots)).i32_sub().global_set(names.height);
}

/// What comes before an instruction of the contract.
fn charge(to: &mut InstructionSink<'_>, operator: &Operator<'_>, names: &Names, scratch: &Scratch) {
    match operator {
        Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } | Operator::MemoryInit { .. } => {
            burn_length(to, names, scratch, CHUNK_SHIFT);
        }
        Operator::TableFill { .. }
        | Operator::TableCopy { .. }
        | Operator::TableInit { .. }
        | Operator::TableGrow { .. } => burn_length(to, names, scratch, ELEMENT_SHIFT),
        Operator::MemoryGrow { .. } => {
            to.local_tee(scratch.length);
            to.local_get(scratch.length).i32_const(MAX_PAGES).i32_le_u();
            to.local_get(scratch.length).i32_const(0).i32_ne().i32_and();
            to.if_(BlockType::Empty);
            to.local_get(scratch.length).i32_const(PAGE_SHIFT).i32_shl().call(names.burn);
            to.end();
        }
        Operator::I32TruncF32S | Operator::I32TruncF32U | Operator::I64TruncF32S | Operator::I64TruncF32U => {
            to.local_tee(scratch.single).local_get(scratch.single).local_get(scratch.single).f32_ne();
            to.if_(BlockType::Empty).unreachable().end();
        }
        Operator::I32TruncF64S | Operator::I32TruncF64U | Operator::I64TruncF64S | Operator::I64TruncF64U => {
            to.local_tee(scratch.double).local_get(scratch.double).local_get(scratch.double).f64_ne();
            to.if_(BlockType::Empty).unreachable().end();
        }
        _ => {}
    }
}

/// Burns for the length on top of the stack, which stays there.
fn burn_length(to: &mut InstructionSink<'_>, names: &Names, scratch: &Scratch, shift: i32) {
    to.local_tee(scratch.length);
    to.local_get(scratch.length).i32_const(shift).i32_shr_u().local_tee(scratch.chunks);
    to.if_(BlockType::Empty).local_get(scratch.chunks).call(names.burn).end();
}

/// Heights and frames are far below 2³¹: a frame has at most 2 · (4,096 + 2 · 262,144) + 16,384 + 8 slots, and no height passes the limit by more than one.
fn signed(slots: u32) -> i32 {
    i32::try_from(slots).unwrap_or(i32::MAX)
}
