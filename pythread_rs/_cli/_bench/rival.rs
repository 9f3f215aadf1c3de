//! The rival in Rust: std::thread, and nothing that a crate would have to bring.
//!
//! Reads lines `shape samples a b c`, answers each with one line of JSON:
//! nanoseconds of each sample, and what was computed.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

fn nothing() {
    black_box(());
}

fn burst(size: usize) -> u64 {
    let handles: Vec<_> = (0..size).map(|_| thread::spawn(nothing)).collect();
    let joined = handles.into_iter().map(|handle| handle.join());
    joined.filter(|result| result.is_ok()).count() as u64
}

/// Fork at each step, a thread for each fork.
fn fib(n: usize) -> u64 {
    if n < 2 {
        return n as u64;
    }
    let right = thread::spawn(move || fib(n - 2));
    let left = fib(n - 1);
    left + right.join().unwrap()
}

fn steps(x: f64, y: f64, depth: usize) -> u8 {
    let (mut re, mut im, mut n) = (0.0, 0.0, 0);
    while n < depth && re * re + im * im <= 4.0 {
        let next = re * re - im * im + x;
        im = 2.0 * re * im + y;
        re = next;
        n += 1;
    }
    (n & 0xff) as u8
}

/// Draw the image of `kernel.c`; a thread takes the next row that nobody has.
fn image(side: usize, depth: usize, threads: usize) -> Vec<u8> {
    let next = AtomicUsize::new(0);
    let mut pixels = vec![0u8; side * side];
    let mut rows: Vec<(usize, Vec<u8>)> = thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let row = next.fetch_add(1, Ordering::Relaxed);
                if row >= side {
                    return mine;
                }
                let y = 3.0 * row as f64 / side as f64 - 1.5;
                let line = (0..side)
                    .map(|column| steps(3.0 * column as f64 / side as f64 - 2.0, y, depth))
                    .collect();
                mine.push((row, line));
            }
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    for (row, line) in rows.drain(..) {
        pixels[row * side..(row + 1) * side].copy_from_slice(&line);
    }
    pixels
}

fn adler32(bytes: &[u8]) -> u64 {
    let (mut a, mut b) = (1u64, 0u64);
    for &byte in bytes {
        a = (a + u64::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    b << 16 | a
}

/// Bytes of this process in memory, 0 where the OS does not say.
fn resident() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = rollup.lines().find(|line| line.starts_with("Rss:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// By how much the process grows while so many threads wait.
fn parked(count: usize) -> u64 {
    let before = resident();
    let barrier = Arc::new(Barrier::new(count + 1));
    let gone = Arc::new(Barrier::new(count + 1));
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let (barrier, gone) = (barrier.clone(), gone.clone());
            thread::spawn(move || {
                barrier.wait();
                gone.wait();
            })
        })
        .collect();
    barrier.wait();
    let grown = resident().saturating_sub(before);
    gone.wait();
    for handle in handles {
        handle.join().unwrap();
    }
    grown
}

fn main() {
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let numbers: Vec<usize> = words[1..].iter().map(|w| w.parse().unwrap()).collect();
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for _ in 0..numbers[0] {
            let begin = Instant::now();
            let mut pixels = Vec::new();
            let mut value = match words[0] {
                "join" => burst(1),
                "burst" => burst(numbers[1]),
                "fib" => fib(numbers[1]),
                "image" => {
                    pixels = image(numbers[1], numbers[2], numbers[3]);
                    0
                }
                "parked" => parked(numbers[1]),
                shape => panic!("no such shape: {shape}"),
            };
            times.push(begin.elapsed().as_nanos().to_string());
            // Only what draws is timed, as it is for the others.
            if words[0] == "image" {
                value = adler32(&pixels);
            }
            values.push(value.to_string());
        }
        let (times, values) = (times.join(", "), values.join(", "));
        println!("{{\"nanoseconds\": [{times}], \"values\": [{values}]}}");
        io::stdout().flush().unwrap();
    }
}
