//! Every bound the analysis puts on itself, in one place. Reaching one makes a value unknown, lowers
//! confidence and is counted in [`crate::semantic::Semantic::bounds_reached`]; it never hangs.

/// Operators in one symbol.
pub const SYMBOL_DEPTH_MAX: u16 = 14;
/// Operands kept for one merge.
pub const OPERANDS_MAX: usize = 48;
/// Values looked at behind one chain of merges.
pub const LEAVES_MAX: usize = 64;
/// What one value is looked at as one of.
pub const GENERALS_MAX: usize = 10;
/// Activations of a function that is handed ever smaller parts of a structure that the program wrote.
pub const UNFOLDED_MAX: usize = 8;
/// Values that one call may mean, each of which is called.
pub const CALLEES_MAX: usize = 12;
/// How deep a record is looked into when it is stored.
pub const RECORD_DEPTH_MAX: u8 = 2;
/// How many properties a record has that is looked into when it is stored.
pub const RECORD_FIELDS_MAX: usize = 24;
/// Variables that one closure keeps.
pub const CAPTURED_MAX: usize = 24;
/// Nested activations entered at calls.
pub const CALL_DEPTH_MAX: usize = 14;
/// The same in a file without an entry: each of its functions is judged by itself anyway.
pub const LIBRARY_CALL_DEPTH_MAX: usize = 5;
/// Activations of one function on the stack of calls.
pub const RECURSION_MAX: usize = 2;
/// Work on one file beyond which a function is not entered again while it is on the stack: where recursive
/// functions call each other in several places, the ways through them multiply.
pub const RECURSION_WORK: u64 = 600_000;
/// Visits of a block before numeric bounds are widened.
pub const WIDEN_AFTER: u32 = 2;
/// Numbers that the program names and numeric bounds are widened to.
pub const CONSTANTS_MAX: usize = 256;
/// Visits of a block before those of values that its loop does not change are, too.
pub const PATIENT_VISITS: u32 = 6;
/// Visits of a block before everything that still changes is given up.
pub const VISITS_MAX: u32 = 12;
/// The same, when the work on the file is used up.
pub const LAST_VISITS_MAX: u32 = 4;
/// Work on one file: questions about facts, with what is interpreted and merged counted as so many.
/// Beyond it, calls are no longer entered.
pub const WORK_MAX: u64 = 20_000_000;
/// Work that each operation of the file adds to that.
pub const WORK_PER_OPERATION: u64 = 60;
/// Work on one untrusted function, however many there are, as long as the file has any left.
pub const WORK_PER_ROOT: u64 = 10_000_000;
/// What interpreting one operation counts.
pub const OPERATION_WORK: u64 = 4;
/// Facts that one possibility of a value implies.
pub const IMPLIED_MAX: usize = 100;
/// Facts kept in one state.
pub const FACTS_MAX: usize = 1_500;
/// Possibilities kept apart of a value that is one of several.
pub const ALTERNATIVES_MAX: usize = 8;
/// Length of a string that folding makes.
pub const FOLDED_STRING_MAX: usize = 4_096;
/// Properties tracked of one object.
pub const FIELDS_MAX: usize = 256;
/// Segments of a reported path.
pub const PATH_SEGMENTS_MAX: usize = 6;
/// A number of rounds, characters or elements that counts as limited.
pub const BOUND_MAX: f64 = 1e7;
/// Branches that facts exclude and that are looked at all the same.
pub const LEFT_OUT_MAX: usize = 512;
/// Symbols looked through for the facts of one.
pub const FACTS_DEPTH_MAX: usize = 24;
/// Symbols looked through for the input that a value is made of.
pub const INFLUENCES_MAX: usize = 512;
/// Ways round one loop that are looked at one by one.
pub const ROUNDS_MAX: usize = 48;
/// Blocks passed on all of these ways together.
pub const ROUND_BLOCKS_MAX: usize = 1_200;
/// Changes of objects noted on one way round a loop.
pub const MUTATIONS_MAX: usize = 256;
/// Doublings of a value that a loop may make: more is no small result.
pub const DOUBLINGS_MAX: f64 = 24.0;
/// Places kept at which one collection grows.
pub const GROWTH_PLACES_MAX: usize = 16;
/// Turns of a loop over values that the program lists, or of a walk over them, interpreted one by one.
pub const TURNS_MAX: usize = 16;
/// Operations interpreted in all turns of one such loop.
pub const TURN_OPERATIONS_MAX: usize = 3_000;
