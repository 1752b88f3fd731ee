//! The code on the page about registers is that of this package.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that fails should panic")]

use std::fs;
use std::path::Path;

#[test]
fn the_page_shows_the_files_as_they_are() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(package.join("../../src/guide/register.md")).unwrap();
    let mut shown = Vec::new();
    for file in fs::read_dir(package.join("src")).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(block) = page.split_once(&format!("`examples/registers/src/{name}`:\n\n```rs\n")) else {
            continue;
        };
        let code = block.1.split_once("\n```\n").expect("the block has an end").0;
        let source = fs::read_to_string(&file).unwrap();
        let marked = source.split_once("\n// page: ").expect("the file says from where on it is shown").1;
        let marked = marked.split_once('\n').unwrap().1.split_once("\n// page: end\n").unwrap().0;
        assert!(code == marked, "the page and {name} differ: copy what is marked into the page");
        shown.push(name);
    }
    shown.sort();
    assert_eq!(shown, ["object.rs", "postgres.rs"]);
    for name in ["kubernetes", "memory", "nats", "object", "postgres", "sqlite"] {
        assert!(page.contains(&format!("`{name}.rs`")), "the page does not name {name}.rs");
    }
}

/// What each file says that the page shows no code of.
#[test]
fn every_url_of_the_page_is_one_that_is_opened() {
    let page = include_str!("../../../src/guide/register.md");
    let open = include_str!("../src/open.rs");
    for scheme in ["postgres://", "sqlite:", "nats://", "s3://", "gs://", "az://", "kubernetes://"] {
        assert!(page.contains(&format!("`{scheme}")) && open.contains(scheme), "{scheme}");
    }
}
