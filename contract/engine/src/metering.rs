//! Makes gas and stack exact: rewrites the core modules of a component before they are compiled.
//!
//! Gas is Wasmtime's fuel, one unit for an instruction. On its own that leaves three holes, and this pass closes them with plain WebAssembly, so that
//! nothing in the compiled code needs the host's help:
//!
//! - **Bulk operations** cost one unit at any length. Here a loop runs before each of them that burns fuel in proportion to the length and does nothing else.
//!   The operation itself is untouched, and so are its bounds checks and its speed.
//! - **The native stack** ends wherever the compiler's frames happen to reach it. Here each function that calls others counts its frame
//!   ([`Frame`]) into a global of its module and traps at a fixed height, long before the native stack ends.
//! - **Traps look alike.** Overflow of the counted stack traps with a float conversion of NaN, and the contract's own conversions of NaN are made to trap as
//!   `unreachable`; so the trap's code says which it was.
//!
//! Function, type and global indices of the contract stay what they were: everything new comes behind them. Custom sections are dropped.
//! See `docs/adr/0005-metering.md`.

mod function;
#[cfg(test)]
mod tests;

use wasm_encoder::{
    CodeSection, Component, ConstExpr, FunctionSection, GlobalSection, GlobalType, ModuleSection, RawSection,
    SectionId, TypeSection,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{Chunk, CompositeInnerType, FuncType, Parser, Payload, TypeRef};

use crate::{
    error::CodeError,
    structure::{Module, Survey},
};

pub(crate) use function::{BURN_PER_CHUNK, BYTES_PER_CHUNK, CHUNKS_PER_PAGE};

/// Rewrites every core module of a surveyed component. `stack_slots` is the height of the counted stack for all instances together.
pub(crate) fn meter(component: &[u8], survey: &Survey, stack_slots: u32) -> Result<Vec<u8>, CodeError> {
    let counting = |index: &&u32| {
        let module = usize::try_from(**index).ok().and_then(|i| survey.modules.get(i));
        module.is_some_and(|m| m.functions.iter().any(function::is_counted))
    };
    // Instances count for themselves, so they share the stack out between them.
    let instances = u32::try_from(survey.instances.iter().filter(counting).count()).unwrap_or(u32::MAX).max(1);
    let height = stack_slots.checked_div(instances).unwrap_or(stack_slots);

    let mut out = Component::new();
    let mut modules = survey.modules.iter();
    let mut parser = Parser::new(0);
    let mut rest = component;
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else { return Err(changed()) };
        rest = rest.get(consumed..).ok_or_else(changed)?;
        match payload {
            Payload::Version { .. } | Payload::CustomSection(_) => {}
            Payload::ModuleSection { unchecked_range, .. } => {
                rest = rest.get(unchecked_range.len()..).ok_or_else(changed)?;
                let bytes = component.get(unchecked_range).ok_or_else(changed)?;
                let surveyed = modules.next().ok_or_else(changed)?;
                if surveyed.functions.is_empty() {
                    out.section(&RawSection { id: 1, data: bytes });
                } else {
                    out.section(&ModuleSection(&meter_module(bytes, surveyed, height)?));
                }
            }
            // Has no core code in it: the survey has seen to that.
            Payload::ComponentSection { unchecked_range, .. } => {
                rest = rest.get(unchecked_range.len()..).ok_or_else(changed)?;
                out.section(&RawSection { id: 4, data: component.get(unchecked_range).ok_or_else(changed)? });
            }
            Payload::End(_) => return Ok(out.finish()),
            section => {
                let (id, range) = section.as_section().ok_or_else(changed)?;
                out.section(&RawSection { id, data: component.get(range).ok_or_else(changed)? });
            }
        }
    }
}

/// What a function's rewriting needs to know of its module.
struct Names {
    /// Types of the module, and the type of a block with the same results where one cannot do without.
    types: Vec<(FuncType, Option<u32>)>,
    /// Of which type each function with a body is.
    functions: Vec<u32>,
    /// The global that holds the height of the counted stack.
    height: u32,
    /// Where it ends.
    limit: u32,
    /// The function that burns gas.
    burn: u32,
    /// The function that traps.
    overflow: u32,
}

fn meter_module(bytes: &[u8], surveyed: &Module, limit: u32) -> Result<wasm_encoder::Module, CodeError> {
    let mut out = wasm_encoder::Module::new();
    let mut names = Names { types: Vec::new(), functions: Vec::new(), height: 0, limit, burn: 0, overflow: 0 };
    let (mut imported_functions, mut new_types, mut globals_written) = (0_u32, (0, 0), false);
    let mut code: Option<CodeSection> = None;
    let mut frames = surveyed.functions.iter();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        let section = payload.as_section();
        if let Some((id, _)) = &section
            && *id != SectionId::Custom as u8
            && !globals_written
            && follows_globals(*id)
        {
            out.section(&with_height(GlobalSection::new()));
            globals_written = true;
        }
        match payload {
            Payload::Version { .. } | Payload::CustomSection(_) | Payload::End(_) => {}
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    for ty in group?.into_types() {
                        match ty.composite_type.inner {
                            CompositeInnerType::Func(f) => names.types.push((f, None)),
                            _ => return Err(CodeError::Unsupported("a type of the garbage collector")),
                        }
                    }
                }
                let mut types = TypeSection::new();
                RoundtripReencoder.parse_type_section(&mut types, section).map_err(reencoding)?;
                new_types = (types.len(), types.len().saturating_add(1));
                types.ty().function([wasm_encoder::ValType::I32], []);
                types.ty().function([], []);
                for (ty, block) in &mut names.types {
                    if ty.results().len() > 1 {
                        let results: Result<Vec<_>, _> =
                            ty.results().iter().map(|t| RoundtripReencoder.val_type(*t)).collect();
                        *block = Some(types.len());
                        types.ty().function([], results.map_err(reencoding)?);
                    }
                }
                out.section(&types);
            }
            Payload::ImportSection(section) => {
                for import in section.clone() {
                    match import?.ty {
                        TypeRef::Func(_) => imported_functions = imported_functions.saturating_add(1),
                        TypeRef::Global(_) => names.height = names.height.saturating_add(1),
                        _ => {}
                    }
                }
                copy(&mut out, bytes, &section.range(), SectionId::Import)?;
            }
            Payload::FunctionSection(section) => {
                let mut functions = FunctionSection::new();
                for ty in section {
                    let ty = ty?;
                    names.functions.push(ty);
                    functions.function(ty);
                }
                names.burn = imported_functions.saturating_add(functions.len());
                names.overflow = names.burn.saturating_add(1);
                functions.function(new_types.0).function(new_types.1);
                out.section(&functions);
            }
            Payload::GlobalSection(section) => {
                names.height = names.height.saturating_add(section.count());
                let mut globals = GlobalSection::new();
                RoundtripReencoder.parse_global_section(&mut globals, section).map_err(reencoding)?;
                out.section(&with_height(globals));
                globals_written = true;
            }
            Payload::CodeSectionStart { .. } => code = Some(CodeSection::new()),
            Payload::CodeSectionEntry(body) => {
                let Some(section) = &mut code else { return Err(changed()) };
                let frame = frames.next().ok_or_else(changed)?;
                section.function(&function::meter_function(bytes, &body, section.len(), frame, &names)?);
                if section.len() as usize == surveyed.functions.len() {
                    section.function(&function::burn());
                    section.function(&function::overflow());
                    out.section(&*section);
                }
            }
            _ => {
                let (id, range) = section.ok_or_else(changed)?;
                out.section(&RawSection { id, data: bytes.get(range).ok_or_else(changed)? });
            }
        }
    }
    Ok(out)
}

fn with_height(mut globals: GlobalSection) -> GlobalSection {
    let ty = GlobalType { val_type: wasm_encoder::ValType::I32, mutable: true, shared: false };
    globals.global(ty, &ConstExpr::i32_const(0));
    globals
}

/// Whether a section comes behind that of the globals, by the order of the core specification (binary format, modules).
fn follows_globals(id: u8) -> bool {
    [SectionId::Export, SectionId::Start, SectionId::Element, SectionId::DataCount, SectionId::Code, SectionId::Data]
        .iter()
        .any(|s| *s as u8 == id)
}

fn copy(
    out: &mut wasm_encoder::Module,
    bytes: &[u8],
    range: &std::ops::Range<usize>,
    id: SectionId,
) -> Result<(), CodeError> {
    out.section(&RawSection { id: id as u8, data: bytes.get(range.clone()).ok_or_else(changed)? });
    Ok(())
}

fn reencoding(error: wasm_encoder::reencode::Error) -> CodeError {
    CodeError::Invalid { message: error.to_string(), offset: 0 }
}

/// The bytes are not those that were surveyed. Cannot happen as long as both passes read one slice.
fn changed() -> CodeError {
    CodeError::Invalid { message: "sections do not match the validated component".into(), offset: 0 }
}
