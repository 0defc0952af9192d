//! The component's face: two imports and two exports, all of them strings.
//!
//! This is the canonical ABI of the component model for `wit/flawless.wit`, written out: a string
//! is a pointer and a length, and a result that does not fit into one register lies in memory. A
//! custom section tells the linker (`wasm-component-ld`, `wasm-tools component new`) which world
//! the module belongs to. It holds what `wit-bindgen rust` 0.63 encodes for that file, and the
//! test `test_world_of_the_crate` compares the two.

use std::alloc::{Layout, alloc, realloc};

use crate::workflow;

#[unsafe(link_section = "component-type:flawless:workflow@1.1.0:workflow")]
#[used]
static WORLD: [u8; 286] = *b"\
\0asm\x0d\0\x01\0\0\x19\x16wit-component-encoding\x04\0\x07\x9f\x01\x01A\x02\x01\
A\x05\x01B\x04\x01@\x01\x07requests\0s\x04\0\x04call\x01\0\x01@\x01\x06outputs\x01\
\0\x04\0\x06finish\x01\x01\x03\0\x1cflawless:workflow/host@1.1.0\x05\0\x01@\x01\x05\
inputs\0s\x04\0\x03run\x01\x01\x04\0\x08describe\x01\x01\x04\0\x20flawless:workf\
low/workflow@1.1.0\x04\0\x0b\x0e\x01\0\x08workflow\x03\0\0\0G\x09producers\x01\x0c\
processed-by\x02\x0dwit-component\x070.262.0\x10wit-bindgen-rust\x060.63.0";

#[link(wasm_import_module = "flawless:workflow/host@1.1.0")]
unsafe extern "C" {
    #[link_name = "call"]
    fn host_call(request: *const u8, size: usize, response: *mut Text);
    #[link_name = "finish"]
    fn host_finish(output: *const u8, size: usize);
}

unsafe extern "C" {
    /// The linker makes it: it registers the workflows, among others. Without link-time
    /// optimisation nobody else calls it.
    fn __wasm_call_ctors();
}

/// A string as the canonical ABI returns it through memory.
#[repr(C)]
struct Text {
    data: *mut u8,
    size: usize,
}

/// Sends a request to the engine and waits for the response.
pub fn call(request: &str) -> String {
    let mut response = Text {
        data: std::ptr::null_mut(),
        size: 0,
    };
    // SAFETY: both pointers are valid for the call, and the host has written a string that it
    // allocated with `cabi_realloc`: valid UTF-8 (the component model demands it), its capacity is
    // its length, and it is ours.
    unsafe {
        host_call(request.as_ptr(), request.len(), &raw mut response);
        taken(response.data, response.size)
    }
}

/// Ends the run with this output; it does not come back.
pub fn finish(output: &str) -> ! {
    // SAFETY: the pointer is valid for the call.
    unsafe { host_finish(output.as_ptr(), output.len()) };
    unreachable!("the engine has ended this guest")
}

/// Takes over a string that the host has allocated here.
unsafe fn taken(data: *mut u8, size: usize) -> String {
    if size == 0 {
        return String::new();
    }
    // SAFETY: see `call`.
    #[allow(
        clippy::same_length_and_capacity,
        reason = "the host asks for what it needs"
    )]
    unsafe {
        String::from_utf8_unchecked(Vec::from_raw_parts(data, size, size))
    }
}

/// Hands a string over to the host, which frees it with `cabi_post_*`.
fn given(text: String) -> *mut Text {
    let text = text.into_bytes().into_boxed_slice();
    let size = text.len();
    let data = Box::into_raw(text).cast::<u8>();
    Box::into_raw(Box::new(Text { data, size }))
}

unsafe fn free(text: *mut Text) {
    // SAFETY: the host gives back what `given` made, once.
    unsafe {
        let text = Box::from_raw(text);
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(
            text.data, text.size,
        )));
    }
}

#[unsafe(export_name = "run")]
unsafe extern "C" fn run(data: *mut u8, size: usize) -> *mut Text {
    // SAFETY: constructors may run twice. The host has allocated the string with `cabi_realloc` and
    // given it away.
    given(workflow::run(&unsafe {
        __wasm_call_ctors();
        taken(data, size)
    }))
}

#[unsafe(export_name = "cabi_post_run")]
unsafe extern "C" fn post_run(text: *mut Text) {
    // SAFETY: this is what `run` returned.
    unsafe { free(text) }
}

#[unsafe(export_name = "describe")]
unsafe extern "C" fn describe(data: *mut u8, size: usize) -> *mut Text {
    // SAFETY: as in `run`.
    given(workflow::describe(&unsafe {
        __wasm_call_ctors();
        taken(data, size)
    }))
}

#[unsafe(export_name = "cabi_post_describe")]
unsafe extern "C" fn post_describe(text: *mut Text) {
    // SAFETY: this is what `describe` returned.
    unsafe { free(text) }
}

#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_size: usize,
    align: usize,
    size: usize,
) -> *mut u8 {
    if size == 0 {
        return std::ptr::without_provenance_mut(align);
    }
    // SAFETY: the host names sizes and alignments of what it has from here, as the ABI says.
    let data = unsafe {
        if old_size == 0 {
            alloc(Layout::from_size_align_unchecked(size, align))
        } else {
            realloc(
                old,
                Layout::from_size_align_unchecked(old_size, align),
                size,
            )
        }
    };
    assert!(
        !data.is_null(),
        "out of memory: {size} bytes were asked for"
    );
    data
}
