//! Long names made shorter where there is little room: cut in the middle, because the names of a Deployment's Pods begin
//! alike and differ at their end.
//!
//! Always: what is answered has at most as many letters as there is room for.

/// What is kept of the end: as long as what a ReplicaSet puts behind the names of its Pods.
const TAIL: usize = 5;

/// `orders-5b76f4754d-gw7gd` in 16 letters is `orders-…gw7gd`: whole words are kept where they can be.
pub fn cut(name: &str, room: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= room {
        return name.to_owned();
    }
    let Some(head) = room.checked_sub(TAIL + 1).filter(|head| *head > 0) else {
        return letters.into_iter().take(room.saturating_sub(1)).chain((room > 0).then_some('…')).collect();
    };
    let word = letters[..head].iter().rposition(|it| "-./:".contains(*it)).map_or(0, |at| at + 1);
    let head = if word * 3 > head { word } else { head };
    let tail = &letters[letters.len() - TAIL..];
    letters[..head].iter().chain(&['…']).chain(tail).collect()
}

/// A device with its place before it, `control-plane eth0`: the place gives way first.
pub fn cut_place(name: &str, room: usize) -> String {
    let (place, device) = name.rsplit_once(' ').unwrap_or(("", name));
    let left = room.saturating_sub(device.chars().count() + 2);
    if name.chars().count() <= room || left < 2 {
        return cut(name, room);
    }
    let place: String = place.chars().take(left).collect();
    format!("{place}… {device}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_name_keeps_its_words_and_the_end_that_is_its_own() {
        assert_eq!(cut("orders-5b76f4754d-gw7gd", 16), "orders-…gw7gd");
        assert_eq!(cut("orders-5b76f4754d-gw7gd", 22), "orders-…gw7gd");
        assert_eq!(cut("web-0", 16), "web-0");
        assert_eq!(cut("kube-controller-manager-control-plane", 28), "kube-controller-…plane");
    }

    #[test]
    fn nothing_is_longer_than_its_room() {
        for name in ["", "a", "…………………………", "a-b-c-d-e-f-g-h-i-j-k", "10.244.1.5:8080 and more"]
        {
            for room in 0..30 {
                assert!(cut(name, room).chars().count() <= room);
                assert!(cut_place(name, room).chars().count() <= room);
            }
        }
    }

    #[test]
    fn of_a_device_and_its_place_the_place_gives_way() {
        assert_eq!(cut_place("switch port2", 12), "switch port2");
        assert_eq!(cut_place("control-plane eth0", 12), "contro… eth0");
        assert_eq!(cut_place("worker-1 veth8f754c1a", 12), "worker…54c1a");
    }
}
