//! What a component may look like: one pass that validates it and measures what metering and pricing need.
//!
//! Everything here is decided before the compiler sees a byte, in time linear in the component's length. The limits keep the compiler's own time
//! in bounds (its passes are not all linear in the size of a function).
//!
//! Two rules serve metering. Core code lives in the root component alone, and only functions imported by the component may be lowered. Without them
//! the compiler would make adapters between the contract's own instances, whose work nobody has metered.

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentTypeRef, Encoding,
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Instance, OperatorsReader, Parser, Payload, TypeBounds,
    ValType, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use crate::error::CodeError;

/// Longest component, in bytes, under any cluster's limits.
pub const MAX_CODE_BYTES: usize = 16 * 1024 * 1024;
/// Functions with a body, over all modules.
pub const MAX_FUNCTIONS: u64 = 50_000;
/// Length of a function's body, in bytes.
pub const MAX_BODY_BYTES: u64 = 256 * 1024;
/// Parameters and locals of a function.
pub const MAX_LOCALS: u64 = 4_096;
/// Core modules in a component.
pub const MAX_MODULES: u64 = 16;
/// Core instances that a component makes of modules.
pub const MAX_CORE_INSTANCES: u64 = 16;
/// Components inside components.
pub const MAX_NESTING: u64 = 4;
/// Components in a component, at any depth.
pub const MAX_COMPONENTS: u64 = 64;
/// Globals, tables, data and element segments, imports and exports of a module; each for itself.
pub const MAX_MODULE_ITEMS: u64 = 10_000;

/// The WebAssembly that contracts may use. No threads, no relaxed SIMD, nothing whose result depends on the machine.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

const WORLD: &[&str] = &[
    "phala:contract/types@0.1.0",
    "phala:contract/context@0.1.0",
    "phala:contract/storage@0.1.0",
    "phala:contract/keys@0.1.0",
    "phala:contract/crypto@0.1.0",
    "phala:contract/http@0.1.0",
    "phala:contract/contracts@0.1.0",
    "phala:contract/actions@0.1.0",
    "phala:contract/events@0.1.0",
    "phala:contract/log@0.1.0",
];

/// What the pass has measured.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// The core modules in their order.
    pub modules: Vec<Module>,
    /// Of which modules the component makes instances, one entry for each instance.
    pub instances: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The functions with a body in their order.
    pub functions: Vec<Frame>,
    /// Length of the memory that an instance starts with, in pages of 64 KiB.
    pub memory_pages: u64,
    /// Elements of the tables that an instance starts with.
    pub table_elements: u64,
    /// Bytes that an instance may copy at its start.
    pub segment_bytes: u64,
}

/// What a function costs on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Slots of 8 bytes, see [`Frame::measure`].
    pub slots: u32,
    /// Parameters and locals.
    pub locals: u32,
    /// Whether it calls anything.
    pub calls: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Imported,
    Own,
}

/// Where the pass stands.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Nested,
    Module,
}

#[derive(Default)]
struct Walk {
    survey: Survey,
    levels: Vec<Level>,
    instances: Vec<Origin>,
    functions: Vec<Origin>,
    components: u64,
    bodies: u64,
}

/// Validates a component and measures it.
pub(crate) fn survey(bytes: &[u8]) -> Result<Survey, CodeError> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut walk = Walk::default();
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser.parse_all(bytes) {
        let payload = match payload {
            Ok(payload) => payload,
            Err(_) if walk.levels.is_empty() => return Err(CodeError::NotAComponent),
            Err(error) => return Err(error.into()),
        };
        if let Payload::Version { encoding: Encoding::Module, .. } = payload
            && walk.levels.is_empty()
        {
            return Err(CodeError::NotAComponent);
        }
        walk.enter(&payload)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            bounded("functions", &mut walk.bodies, 1, MAX_FUNCTIONS)?;
            let (frame, reusable) = Frame::measure(function, &body, allocations)?;
            allocations = reusable;
            let module = walk.survey.modules.last_mut().ok_or(CodeError::NotAComponent)?;
            module.functions.push(frame);
        }
        walk.visit(&payload)?;
    }
    Ok(walk.survey)
}

impl Walk {
    /// What must be known before the validator sees a payload: it recurses and allocates by these.
    fn enter(&mut self, payload: &Payload<'_>) -> Result<(), CodeError> {
        match payload {
            Payload::Version { encoding, .. } => {
                let level = match (encoding, self.levels.is_empty()) {
                    (Encoding::Module, _) => Level::Module,
                    (Encoding::Component, true) => Level::Root,
                    (Encoding::Component, false) => Level::Nested,
                };
                self.levels.push(level);
                if level == Level::Nested {
                    bounded("components", &mut self.components, 1, MAX_COMPONENTS)?;
                    within("nesting of components", self.levels.len().saturating_sub(1), MAX_NESTING)?;
                }
            }
            Payload::ModuleSection { .. } => {
                self.only_at_root("a core module inside a nested component")?;
                self.survey.modules.push(Module::default());
                within("core modules", self.survey.modules.len(), MAX_MODULES)?;
            }
            // It would run while the instance is made, where the contract's errors and the host's cannot be told apart.
            Payload::StartSection { .. } => return Err(CodeError::Unsupported("a start function of a core module")),
            Payload::ImportSection(s) => within("imports of a module", s.count() as usize, MAX_MODULE_ITEMS)?,
            Payload::ExportSection(s) => within("exports of a module", s.count() as usize, MAX_MODULE_ITEMS)?,
            Payload::GlobalSection(s) => within("globals of a module", s.count() as usize, MAX_MODULE_ITEMS)?,
            Payload::TypeSection(s) => within("types of a module", s.count() as usize, MAX_MODULE_ITEMS)?,
            Payload::ElementSection(s) => within("element segments of a module", s.count() as usize, MAX_MODULE_ITEMS)?,
            Payload::DataSection(s) => within("data segments of a module", s.count() as usize, MAX_MODULE_ITEMS)?,
            Payload::CodeSectionEntry(body) => within("bytes of a function", body.range().len(), MAX_BODY_BYTES)?,
            _ => {}
        }
        Ok(())
    }

    fn visit(&mut self, payload: &Payload<'_>) -> Result<(), CodeError> {
        match payload {
            Payload::End(_) => {
                self.levels.pop();
                Ok(())
            }
            _ if self.levels.last() == Some(&Level::Module) => self.visit_module(payload),
            _ => self.visit_component(payload),
        }
    }

    fn visit_module(&mut self, payload: &Payload<'_>) -> Result<(), CodeError> {
        let Some(module) = self.survey.modules.last_mut() else { return Err(CodeError::NotAComponent) };
        match payload {
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    module.memory_pages = module.memory_pages.saturating_add(memory?.initial);
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    module.table_elements = module.table_elements.saturating_add(table?.ty.initial);
                }
            }
            Payload::DataSection(section) => {
                module.segment_bytes = module.segment_bytes.saturating_add(section.range().len() as u64);
            }
            Payload::ElementSection(section) => {
                module.segment_bytes = module.segment_bytes.saturating_add(section.range().len() as u64);
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_component(&mut self, payload: &Payload<'_>) -> Result<(), CodeError> {
        let root = self.levels.last() == Some(&Level::Root);
        match payload {
            Payload::ComponentImportSection(section) if root => {
                for import in section.clone() {
                    let import = import?;
                    match import.ty {
                        ComponentTypeRef::Instance(_) if WORLD.contains(&import.name.0) => {
                            self.instances.push(Origin::Imported);
                        }
                        // A type that the world itself uses, by equality with one of an interface.
                        ComponentTypeRef::Type(TypeBounds::Eq(_)) => {}
                        _ => return Err(CodeError::UnknownImport(import.name.0.to_owned())),
                    }
                }
            }
            Payload::ComponentInstanceSection(section) if root => {
                for instance in section.clone() {
                    instance?;
                    self.instances.push(Origin::Own);
                }
            }
            Payload::ComponentAliasSection(section) if root => {
                for alias in section.clone() {
                    self.alias(alias?)?;
                }
            }
            Payload::ComponentExportSection(section) if root => {
                for export in section.clone() {
                    match export?.kind {
                        ComponentExternalKind::Func => self.functions.push(Origin::Own),
                        ComponentExternalKind::Instance => self.instances.push(Origin::Own),
                        ComponentExternalKind::Type => {}
                        _ => return Err(CodeError::Unsupported("an export of a module, a component or a value")),
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                self.only_at_root("a canonical function inside a nested component")?;
                for function in section.clone() {
                    self.canonical(&function?)?;
                }
            }
            Payload::InstanceSection(section) => {
                self.only_at_root("a core instance inside a nested component")?;
                for instance in section.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.survey.instances.push(module_index);
                        within("core instances", self.survey.instances.len(), MAX_CORE_INSTANCES)?;
                    }
                }
            }
            Payload::ComponentStartSection { .. } => {
                return Err(CodeError::Unsupported("a component's start function"));
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: ComponentAlias<'_>) -> Result<(), CodeError> {
        if let ComponentAlias::InstanceExport { kind, instance_index, .. } = alias {
            match kind {
                ComponentExternalKind::Func => {
                    let origin = self.instances.get(instance_index as usize).copied().unwrap_or(Origin::Own);
                    self.functions.push(origin);
                }
                ComponentExternalKind::Instance => self.instances.push(Origin::Own),
                ComponentExternalKind::Type => {}
                _ => return Err(CodeError::Unsupported("an alias of a module, a component or a value")),
            }
        }
        Ok(())
    }

    fn canonical(&mut self, function: &CanonicalFunction) -> Result<(), CodeError> {
        let options = match function {
            CanonicalFunction::Lift { options, .. } => {
                self.functions.push(Origin::Own);
                options
            }
            CanonicalFunction::Lower { func_index, options } => {
                if self.functions.get(*func_index as usize) != Some(&Origin::Imported) {
                    return Err(CodeError::Unsupported("lowering a function that the component does not import"));
                }
                options
            }
            _ => return Err(CodeError::Unsupported("a resource, a task or a thread of the component model")),
        };
        let known = |option: &CanonicalOption| {
            matches!(
                option,
                CanonicalOption::UTF8
                    | CanonicalOption::UTF16
                    | CanonicalOption::CompactUTF16
                    | CanonicalOption::Memory(_)
                    | CanonicalOption::Realloc(_)
                    | CanonicalOption::PostReturn(_)
            )
        };
        if options.iter().all(known) { Ok(()) } else { Err(CodeError::Unsupported("an asynchronous function")) }
    }

    fn only_at_root(&self, what: &'static str) -> Result<(), CodeError> {
        if self.levels.last() == Some(&Level::Root) { Ok(()) } else { Err(CodeError::Unsupported(what)) }
    }
}

/// Slots of 8 bytes that every frame costs on top: return address, frame pointer, saved registers.
const FRAME_SLOTS: u32 = 8;
/// So many bytes of body cost a slot.
const BODY_BYTES_PER_SLOT: u32 = 16;

impl Frame {
    /// Validates a function and measures its frame: parameters, locals and the highest operand stack in slots of 8 bytes (twice that where there is
    /// SIMD), a constant, and a share of the body's length. The last is for values that the compiler keeps alive although the source has dropped them:
    /// an instruction that makes a value is two bytes or longer, so a native frame is never larger than 16 times what is counted here.
    /// [`crate::stack`] provides that much.
    fn measure(
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        allocations: FuncValidatorAllocations,
    ) -> Result<(Self, FuncValidatorAllocations), CodeError> {
        let mut validator = function.into_validator(allocations);
        let mut wide = false;
        for local in body.get_locals_reader()? {
            wide |= local?.1 == ValType::V128;
        }
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader)?;
        within("locals of a function", validator.len_locals() as usize, MAX_LOCALS)?;
        let bytes = body.as_bytes();
        let start = body.range().start;
        let mut operators = OperatorsReader::new(reader);
        let (mut highest, mut calls) = (0, false);
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            validator.op(offset, &operator)?;
            highest = highest.max(validator.operand_stack_height());
            calls |= matches!(operator, wasmparser::Operator::Call { .. } | wasmparser::Operator::CallIndirect { .. });
            // The prefix of every SIMD instruction.
            wide |= offset.checked_sub(start).and_then(|at| bytes.get(at)) == Some(&0xfd);
        }
        operators.finish()?;
        let locals = validator.len_locals();
        let values = locals.saturating_add(highest).saturating_mul(if wide { 2 } else { 1 });
        let body_slots = u32::try_from(bytes.len()).unwrap_or(u32::MAX).div_ceil(BODY_BYTES_PER_SLOT);
        let slots = values.saturating_add(body_slots).saturating_add(FRAME_SLOTS);
        Ok((Self { slots, locals, calls }, validator.into_allocations()))
    }
}

fn within(what: &'static str, found: usize, limit: u64) -> Result<(), CodeError> {
    let found = found as u64;
    if found > limit { Err(CodeError::Structure { what, found, limit }) } else { Ok(()) }
}

fn bounded(what: &'static str, count: &mut u64, more: u64, limit: u64) -> Result<(), CodeError> {
    *count = count.saturating_add(more);
    if *count > limit { Err(CodeError::Structure { what, found: *count, limit }) } else { Ok(()) }
}
