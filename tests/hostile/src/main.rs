//! The program that makes native code for the tests beside it, in which there is no `main` of their own.

fn main() {
    prefab_sandbox::run_as_child();
    eprintln!("this program makes native code for prefab's tests, and does nothing else");
    std::process::exit(2);
}
