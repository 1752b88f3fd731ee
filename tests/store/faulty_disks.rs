//! Real disks that are full or read-only, and a file that is mounted by itself.

use crate::own_mounts::{Mount, in_own_mounts, run, text};

use super::*;

impl Mount {
    /// One file in the place of another.
    fn bind(file: &Path, place: &Path) -> Mount {
        fs::write(place, "").unwrap();
        run("mount", &["--bind", text(file), text(place)]);
        Mount(place.into())
    }

    fn forbid_writes(&self) {
        run("mount", &["-o", "remount,ro", text(&self.0)]);
    }

    fn allow_writes(&self) {
        run("mount", &["-o", "remount,rw", text(&self.0)]);
    }
}

/// As with `docker run -v ./node.state:/data/node.state`.
#[test]
fn a_state_file_that_is_mounted_by_itself_is_refused_when_it_is_opened() {
    let name = "faulty_disks::a_state_file_that_is_mounted_by_itself_is_refused_when_it_is_opened";
    in_own_mounts(name, |folder| {
        let (outside, inside) = (folder.join("outside"), folder.join("inside"));
        drop(Store::create(&outside, &at_term(3)).unwrap());
        let _mount = Mount::bind(&outside, &inside);
        let error = Store::<u64>::open(&inside).unwrap_err();
        assert!(matches!(&error, StoreError::NotReplaceable { path, .. } if *path == inside), "{error}");
        assert!(error.to_string().contains("mount the folder that it is in"), "{error}");
        assert!(!beside(&inside, ".tmp").exists());
        assert_eq!(Store::<u64>::open(&outside).unwrap().1, at_term(3), "the file is unchanged");
    });
}

#[test]
fn a_disk_on_which_nothing_can_be_saved_is_noticed_when_a_file_is_opened() {
    let name = "faulty_disks::a_disk_on_which_nothing_can_be_saved_is_noticed_when_a_file_is_opened";
    in_own_mounts(name, |folder| {
        let disk = Mount::small_disk(&folder.join("disk"));
        let (file, other) = (folder.join("disk/state"), folder.join("disk/other"));
        drop(Store::create(&file, &at_term(3)).unwrap());

        disk.fill();
        let opened = Store::<u64>::open(&file).unwrap_err();
        let created = Store::create(&other, &first()).unwrap_err();
        for error in [opened, created] {
            assert!(error.to_string().contains("make room on the disk"), "{error}");
        }
        assert!(!other.exists() && !beside(&other, ".tmp").exists() && !beside(&file, ".tmp").exists());
        disk.make_room();
        assert_eq!(Store::<u64>::open(&file).unwrap().1, at_term(3));

        disk.forbid_writes();
        let error = Store::<u64>::open(&file).unwrap_err();
        assert!(error.to_string().contains("so that it can be written to"), "{error}");
        disk.allow_writes();
        assert_eq!(Store::<u64>::open(&file).unwrap().1, at_term(3));
    });
}
