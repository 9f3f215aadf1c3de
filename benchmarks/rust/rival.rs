//! The rivals in Rust: std::thread in the shapes of the Python scripts.
//!
//! Reads lines `shape samples size pause_us`, answers each with one line of
//! JSON. Needs nothing but std and a Unix clock: `rustc -C opt-level=3 rival.rs`.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::thread;
use std::time::{Duration, Instant};

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, out: *mut Timespec) -> i32;
}

#[cfg(target_os = "macos")]
const PROCESS_CPU: i32 = 12;
#[cfg(not(target_os = "macos"))]
const PROCESS_CPU: i32 = 2;

/// CPU nanoseconds of this process; std has no clock for it.
fn cpu() -> i64 {
    let mut now = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: the pointer is valid for the length of the call, and the struct
    // has the layout of a 64-bit Unix timespec.
    let status = unsafe { clock_gettime(PROCESS_CPU, &mut now) };
    assert_eq!(status, 0);
    now.seconds * 1_000_000_000 + now.nanoseconds
}

fn nothing() {
    black_box(());
}

/// Run one sample and return what of it counts.
fn sample(shape: &str, size: usize) -> Duration {
    let begin = Instant::now();
    match shape {
        "join" => thread::spawn(nothing).join().unwrap(),
        "call" => {
            let handle = thread::spawn(nothing);
            let taken = begin.elapsed();
            handle.join().unwrap();
            return taken;
        }
        "burst" => {
            let handles: Vec<_> = (0..size).map(|_| thread::spawn(nothing)).collect();
            for handle in handles {
                handle.join().unwrap();
            }
        }
        "scope" => thread::scope(|scope| {
            for _ in 0..size {
                scope.spawn(nothing);
            }
        }),
        _ => panic!("no such shape: {shape}"),
    }
    begin.elapsed()
}

fn main() {
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let (samples, size): (usize, usize) =
            (words[1].parse().unwrap(), words[2].parse().unwrap());
        let pause = Duration::from_micros(words[3].parse().unwrap());
        let before = cpu();
        let times: Vec<String> = (0..samples)
            .map(|_| {
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
                sample(words[0], size).as_nanos().to_string()
            })
            .collect();
        let used = cpu() - before;
        println!(
            "{{\"nanoseconds\": [{}], \"cpu_nanoseconds\": {used}}}",
            times.join(", ")
        );
        io::stdout().flush().unwrap();
    }
}
