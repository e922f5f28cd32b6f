//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ssmwatch::program::main(std::env::args_os())
}
