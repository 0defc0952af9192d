//! Makes a component of a core module: `componentiser MODULE COMPONENT`.

use std::{env, error::Error, fs, process::ExitCode};

use wasi_preview1_component_adapter_provider as adapter;
use wit_component::ComponentEncoder;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(module), Some(component)) = (arguments.next(), arguments.next()) else {
        return Err("usage: componentiser MODULE COMPONENT".into());
    };
    let made = ComponentEncoder::default()
        .validate(true)
        .module(&fs::read(module)?)?
        .adapter(
            adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            adapter::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )?
        .encode()?;
    fs::write(component, made)?;
    Ok(())
}
