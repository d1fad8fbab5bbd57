#![no_main]
#[path = "../feed.rs"]
mod feed;

feed::feed!("release");
