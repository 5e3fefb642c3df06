use super::*;

fn refusal(text: &str) -> SendError {
    let client = HttpClient::new(vec![]).expect("a client");
    let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let refused = client.request(reqwest::Method::POST, &url).map(drop).expect_err(text);
    let request = reqwest::Request::new(reqwest::Method::POST, url);
    assert_eq!(client.execute(request).map(drop).expect_err(text), refused);
    refused
}

#[test]
fn literals_are_refused_however_they_are_written() {
    for text in [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        // Decimal, hexadecimal, octal, and all of them mixed.
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7F.0.0.0x1/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.01/",
        "http://0177.0x0.1/",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://0251.0376.0251.0376/",
        // Other digits and other dots, and those that are written in percents.
        "http://１２７.０.０.１/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://127%2e0%2e0%2e1/",
        "http://%31%32%37.1/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[0000::0001]/",
        "http://[::]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:0:0:0:0:80ff:fffe]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[fd00:ec2::254]/",
        "http://[ff02::1]/",
        "https://10.0.0.1:8443/",
        // What stands before an @ is no host.
        "http://example.com@127.0.0.1/",
        "http://example.com:80@10.0.0.1:8080/",
        "http:\\\\127.0.0.1\\",
    ] {
        assert_eq!(refusal(text).class, ErrorClass::Blocked, "{text}");
    }
}

#[test]
fn what_is_no_address_is_no_url() {
    for text in [
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::1/",
        "http://::1/",
        "http://127.0.0.0.1/",
        "http://256.0.0.1/",
        "http://0x100000000/",
        "http://1.2.3.08/",
    ] {
        assert!(Url::parse(text).is_err(), "{text} is {:?}", Url::parse(text));
    }
}

#[tokio::test]
async fn names_are_judged_by_what_they_resolve_to() {
    let client = HttpClient::new(vec![]).expect("a client");
    for text in ["http://localhost:9/", "http://LOCALHOST:9/", "http://ｌｏｃａｌｈｏｓｔ:9/"] {
        let url = Url::parse(text).expect("a URL");
        let request = client.request(reqwest::Method::POST, &url).expect("a name passes the first check");
        let error = explain(&request.send().await.expect_err("blocked"));
        assert_eq!(error.class, ErrorClass::Blocked, "{text}");
        assert!(error.message.starts_with("localhost"), "{}", error.message);
    }
}
