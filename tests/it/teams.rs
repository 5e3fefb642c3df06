//! Organizations: who belongs to them, who may do what, how people come and go, and how organizations and projects end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Answer, Feed, On, Person, PostOffice, Server, World, eventually, path_of, shown_once};

on_both_databases!(
    the_table_of_roles,
    the_last_owner_stays,
    two_owners_who_demote_each_other_leave_one,
    a_new_person_accepts_an_invitation_once,
    somebody_with_an_account_accepts,
    an_invitation_ends_in_many_ways,
    a_closed_server_takes_no_new_people,
    invitations_are_few_and_seldom,
    an_invitation_goes_by_mail,
    a_person_has_several_organizations,
    a_deleted_organization_is_gone_at_once,
    the_last_project_stays,
);
on_postgres_too!(a_removed_member_sees_nothing_on_any_node);

/// A running server, the owner of its organization, and that organization with its project.
struct Office {
    world: World,
    server: Server,
    owner: Person,
    org: String,
    env: String,
}

async fn office(on: On) -> Office {
    office_of(World::new(on).await).await
}

async fn office_of(world: World) -> Office {
    let server = world.serve().await;
    let owner = Person::owner(&server, &world).await;
    let (org, env) = (world.account.org_id.clone(), world.account.env_id.clone());
    Office { world, server, owner, org, env }
}

impl Office {
    /// Somebody who has come by an invitation.
    async fn joined(&self, email: &str, role: &str) -> Person {
        let (_, token) = self.owner.invites((&self.org, &self.env), email, role).await;
        let form = [("token", token.as_str()), ("name", "Somebody"), ("password", "a long password 1")];
        Person::nobody(&self.server).becomes(email, "invitations/sign_up", &form).await
    }

    /// The roles of everybody, by address.
    async fn roles(&self, by: &Person) -> Vec<(String, String)> {
        let team = Person::done(&by.call("team/list", &[("org", &self.org)]).await);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let members = team["members"].as_array().expect("a list").iter();
        members.map(|member| (text(&member["email"]), text(&member["role"]))).collect()
    }

    async fn owners(&self) -> Vec<i64> {
        let sql = "SELECT CAST(count(*) AS BIGINT) FROM memberships m JOIN orgs o ON o.id = m.org_id \
            WHERE o.name = 'Acme' AND m.role = 'owner'";
        self.world.database().numbers(sql).await
    }
}

async fn the_table_of_roles(on: On) {
    let office = office(on).await;
    let (org, env) = (office.org.as_str(), office.env.as_str());
    let other = office.joined("other@example.com", "member").await.id().await;
    let owner = office.owner.id().await;
    for (role, manages, owns) in
        [("viewer", false, false), ("member", false, false), ("admin", true, false), ("owner", true, true)]
    {
        let person = office.joined(&format!("a-{role}@example.com"), role).await;
        let expect = |may: bool| if may { 200 } else { 403 };
        let status = async |endpoint: &str, form: &[(&str, &str)]| {
            let answer = person.call(endpoint, form).await;
            (answer.status, answer.text())
        };
        assert_eq!(status("team/list", &[("org", org)]).await.0, 200, "{role} sees the team");
        for to in ["viewer", "admin", "member"] {
            let (found, text) = status("team/role", &[("org", org), ("member", &other), ("role", to)]).await;
            assert_eq!(found, expect(manages), "{role} makes a member {to}: {text}");
        }
        // What concerns owners is theirs alone.
        for (endpoint, form) in [
            ("team/role", vec![("org", org), ("member", other.as_str()), ("role", "owner")]),
            ("team/role", vec![("org", org), ("member", other.as_str()), ("role", "member")]),
            ("organizations/rename", vec![("org", org), ("organization", "Acme")]),
        ] {
            let is_harmless = form.contains(&("role", "member"));
            let (found, text) = status(endpoint, &form).await;
            assert_eq!(found, expect(owns || (manages && is_harmless)), "{role} {endpoint} {form:?}: {text}");
        }
        if !owns {
            for (endpoint, form) in [
                ("team/role", vec![("org", org), ("member", owner.as_str()), ("role", "viewer")]),
                ("team/remove", vec![("org", org), ("member", owner.as_str())]),
                ("organizations/delete", vec![("org", org), ("confirm_name", "Acme")]),
            ] {
                let (found, text) = status(endpoint, &form).await;
                assert_eq!(found, 403, "{role} {endpoint}: {text}");
            }
        }
        let guest = format!("guest-of-{role}@example.com");
        let (found, text) =
            status("team/invite", &[("org", org), ("env", env), ("email", &guest), ("role", "admin")]).await;
        assert_eq!(found, expect(manages), "{role} invites: {text}");
        let form = [("org", org), ("env", env), ("email", "boss@example.com"), ("role", "owner")];
        let (found, text) = status("team/invite", &form).await;
        let wanted = match (manages, owns) {
            (_, true) => 200,
            (true, false) => 422,
            (false, false) => 403,
        };
        assert_eq!(found, wanted, "{role} invites an owner: {text}");
        let audit = person.call("audit/list", &[("org", org), ("query[range]", "")]).await;
        assert_eq!(audit.status, expect(manages), "{role} reads the audit log");
        let project = [("org", org), ("name", &format!("of {role}")), ("mode", "test")];
        assert_eq!(status("projects/create", &project).await.0, expect(manages), "{role} makes a project");
    }
    // Somebody of another organization finds none of it.
    let stranger = Person::sign_up(&office.server, "stranger@example.com").await;
    for endpoint in ["team/list", "team/leave", "organizations/rename"] {
        let answer = stranger.call(endpoint, &[("org", org), ("organization", "Theirs")]).await;
        assert_eq!(answer.status, 404, "{endpoint}: {}", answer.text());
    }
}

async fn the_last_owner_stays(on: On) {
    let office = office(on).await;
    let org = office.org.as_str();
    let me = office.owner.id().await;
    for (endpoint, form) in [
        ("team/role", vec![("org", org), ("member", me.as_str()), ("role", "admin")]),
        ("team/remove", vec![("org", org), ("member", me.as_str())]),
        ("team/leave", vec![("org", org)]),
    ] {
        let answer = office.owner.call(endpoint, &form).await;
        assert_eq!(answer.status, 409, "{endpoint}: {}", answer.text());
        assert!(answer.text().contains("always has an owner"), "{}", answer.text());
    }
    let second = office.joined("second@example.com", "owner").await;
    Person::done(&office.owner.call("team/role", &[("org", org), ("member", &me), ("role", "admin")]).await);
    assert_eq!(
        office.roles(&second).await,
        [("second@example.com".to_owned(), "owner".to_owned()), ("owner@example.com".to_owned(), "admin".to_owned())]
    );
    Person::done(&office.owner.call("team/leave", &[("org", org)]).await);
    assert_eq!(office.owner.call("team/list", &[("org", org)]).await.status, 404);
    assert_eq!(second.call("team/leave", &[("org", org)]).await.status, 409);
}

async fn two_owners_who_demote_each_other_leave_one(on: On) {
    let office = office(on).await;
    let org = office.org.as_str();
    let second = office.joined("second@example.com", "owner").await;
    let (first_id, second_id) = (office.owner.id().await, second.id().await);
    for round in 0..12 {
        let form = |member| [("org", org), ("member", member), ("role", "viewer")];
        let (to_second, to_first) = (form(second_id.as_str()), form(first_id.as_str()));
        let (by_first, by_second) =
            tokio::join!(office.owner.call("team/role", &to_second), second.call("team/role", &to_first));
        let mut statuses = [by_first.status, by_second.status];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200, "round {round}: {} {}", by_first.text(), by_second.text());
        assert_ne!(statuses[1], 200, "round {round}: one was no owner any more when it came to it");
        assert_eq!(office.owners().await, [1], "round {round}");
        let (still, fallen) = if by_first.status == 200 { (&office.owner, &second_id) } else { (&second, &first_id) };
        let form = [("org", org), ("member", fallen.as_str()), ("role", "owner")];
        Person::done(&still.call("team/role", &form).await);
    }
    // And so when both leave.
    let (one, other) = ([("org", org)], [("org", org)]);
    let (first, second) = tokio::join!(office.owner.call("team/leave", &one), second.call("team/leave", &other));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", first.text(), second.text());
    assert_eq!(office.owners().await, [1]);
}

async fn a_new_person_accepts_an_invitation_once(on: On) {
    let mut world = World::new(on).await;
    // Whoever was invited may make an account although nobody else may.
    world.set(&[("HOOKSTREAM_SIGNUP", "invite")]);
    let office = office_of(world).await;
    let place = (office.org.as_str(), office.env.as_str());
    let (_, token) = office.owner.invites(place, "Ana@Example.com", "member").await;
    let nobody = Person::nobody(&office.server);
    let offer = Person::done(&nobody.call("invitations/offer", &[("token", &token)]).await);
    assert_eq!(offer["offer"]["organization"], "Acme");
    assert_eq!(offer["offer"]["email"], "ana@example.com");
    assert_eq!(offer["offer"]["status"], "pending");
    assert_eq!(offer["offer"]["may_sign_up"], true);
    assert_eq!(offer["signed_in"], Value::Null);
    let page = nobody.get(&format!("/invitation/{token}")).await;
    assert!(page.status == 200 && page.text().contains("Sign up and join"), "{}", page.text());
    let refused = nobody.call("invitations/sign_up", &[("token", &token), ("name", ""), ("password", "short")]).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("\"name\"") && refused.text().contains("\"password\""), "{}", refused.text());
    // Several at once: it works for one of them.
    let form = [("token", token.as_str()), ("name", "Ana"), ("password", "a long password 1")];
    let tries = [0, 1, 2].map(|_| nobody.call("invitations/sign_up", &form));
    let answers = futures::future::join_all(tries).await;
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1, "{:?}", answers.iter().map(Answer::text).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 409)));
    let ana = Person::sign_in(&office.server, "ana@example.com", "a long password 1").await;
    assert_eq!(ana.home().await, (office.org.clone(), office.env.clone()));
    assert!(office.roles(&ana).await.contains(&("ana@example.com".to_owned(), "member".to_owned())));
    // The link leads nowhere from now on.
    let offer = Person::done(&nobody.call("invitations/offer", &[("token", &token)]).await);
    assert_eq!(offer["offer"]["status"], "accepted");
    assert_eq!(nobody.call("invitations/sign_up", &form).await.status, 409);
    let stored = office.world.database().bytes().await;
    assert!(!stored.windows(token.len()).any(|part| part == token.as_bytes()), "the token lies in the database");
}

async fn somebody_with_an_account_accepts(on: On) {
    let office = office(on).await;
    let place = (office.org.as_str(), office.env.as_str());
    let ana = Person::sign_up(&office.server, "ana@example.com").await;
    let eve = Person::sign_up(&office.server, "eve@example.com").await;
    let (_, token) = office.owner.invites(place, "ana@example.com", "viewer").await;
    let form = [("token", token.as_str())];
    let nobody = Person::nobody(&office.server);
    assert_eq!(nobody.call("invitations/accept", &form).await.status, 401);
    let offer = Person::done(&nobody.call("invitations/offer", &form).await);
    assert_eq!(offer["offer"]["may_sign_up"], false, "there is an account");
    let page = nobody.get(&format!("/invitation/{token}")).await;
    assert!(page.text().contains("Sign in as ana@example.com"), "{}", page.text());
    let refused = eve.call("invitations/accept", &form).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("ana@example.com"), "it says which account: {}", refused.text());
    let page = eve.get(&format!("/invitation/{token}")).await;
    assert!(page.text().contains("This invitation is for another account"), "{}", page.text());
    let page = ana.get(&format!("/invitation/{token}")).await;
    assert!(page.text().contains("Join Acme"), "{}", page.text());
    Person::done(&ana.call("invitations/accept", &form).await);
    assert!(office.roles(&ana).await.contains(&("ana@example.com".to_owned(), "viewer".to_owned())));
    let form = [("org", place.0), ("env", place.1), ("email", "ana@example.com"), ("role", "admin")];
    let again = office.owner.call("team/invite", &form).await;
    assert!(again.status == 422 && again.text().contains("belongs to a member"), "{}", again.text());
}

async fn an_invitation_ends_in_many_ways(on: On) {
    let office = office(on).await;
    let place = (office.org.as_str(), office.env.as_str());
    let nobody = Person::nobody(&office.server);
    let offer = async |token: &str| nobody.call("invitations/offer", &[("token", token)]).await;
    let accept = async |token: &str| {
        let form = [("token", token), ("name", "Ana"), ("password", "a long password 1")];
        nobody.call("invitations/sign_up", &form).await
    };
    assert_eq!(offer("made-up").await.status, 404);
    assert_eq!(accept("made-up").await.status, 404);
    let page = nobody.get("/invitation/made-up").await;
    assert!(page.text().contains("There is no such invitation"), "{}", page.text());

    let (id, first) = office.owner.invites(place, "ana@example.com", "member").await;
    let twice = [("org", place.0), ("env", place.1), ("email", "ana@example.com"), ("role", "member")];
    let twice = office.owner.call("team/invite", &twice).await;
    assert!(twice.status == 422 && twice.text().contains("is invited already"), "{}", twice.text());
    // Sent again, the former link ends.
    let again = [("org", place.0), ("env", place.1), ("invitation", id.as_str())];
    let (same, second) = shown_once(&office.owner.call("team/resend", &again).await);
    assert_eq!(same, id);
    assert_eq!(offer(&first).await.status, 404);
    assert_eq!(accept(&first).await.status, 404);
    assert_eq!(offer(&second).await.json()["offer"]["status"], "pending");
    // It expires, and can be sent again all the same.
    office.world.database().execute("UPDATE invitations SET expires_at = 1").await;
    assert_eq!(offer(&second).await.json()["offer"]["status"], "expired");
    assert_eq!(accept(&second).await.status, 409);
    let page = nobody.get(&format!("/invitation/{second}")).await;
    assert!(page.text().contains("The invitation has expired"), "{}", page.text());
    let (_, third) = shown_once(&office.owner.call("team/resend", &again).await);
    assert_eq!(offer(&third).await.json()["offer"]["status"], "pending");
    // Taken back.
    let revoke = [("org", place.0), ("invitation", id.as_str())];
    Person::done(&office.owner.call("team/revoke", &revoke).await);
    assert_eq!(office.owner.call("team/revoke", &revoke).await.status, 409);
    assert_eq!(office.owner.call("team/resend", &again).await.status, 409);
    assert_eq!(offer(&third).await.json()["offer"]["status"], "revoked");
    assert_eq!(accept(&third).await.status, 409);
    // The address can be invited anew.
    office.owner.invites(place, "ana@example.com", "member").await;
    for (email, role, field) in [("ana", "member", "email"), ("ben@example.com", "king", "role")] {
        let form = [("org", place.0), ("env", place.1), ("email", email), ("role", role)];
        let answer = office.owner.call("team/invite", &form).await;
        assert!(answer.status == 422 && answer.text().contains(&format!("\"{field}\"")), "{}", answer.text());
    }
}

async fn a_closed_server_takes_no_new_people(on: On) {
    let mut world = World::new(on).await;
    world.add_account("ana@example.com", "Hers");
    let password = "a long password 1";
    world.set(&[("HOOKSTREAM_SIGNUP", "closed")]);
    let output =
        world.run(&["bootstrap", "--email", "ben@example.com", "--org", "His", "--project", "p", "--add"], password);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let office = office_of(world).await;
    let place = (office.org.as_str(), office.env.as_str());
    let nobody = Person::nobody(&office.server);
    let (_, token) = office.owner.invites(place, "new@example.com", "member").await;
    let offer = Person::done(&nobody.call("invitations/offer", &[("token", &token)]).await);
    assert_eq!(offer["offer"]["may_sign_up"], false);
    let form = [("token", token.as_str()), ("name", "New"), ("password", password)];
    assert_eq!(nobody.call("invitations/sign_up", &form).await.status, 403);
    let count = office.world.database().numbers("SELECT CAST(count(*) AS BIGINT) FROM users").await;
    assert_eq!(count, [3]);
    // Who has an account comes in.
    let (_, token) = office.owner.invites(place, "ben@example.com", "member").await;
    let ben = Person::sign_in(&office.server, "ben@example.com", password).await;
    Person::done(&ben.call("invitations/accept", &[("token", &token)]).await);
    assert!(office.roles(&ben).await.contains(&("ben@example.com".to_owned(), "member".to_owned())));
}

async fn invitations_are_few_and_seldom(on: On) {
    let office = office(on).await;
    let invite = async |n: usize| {
        let email = format!("guest-{n}@example.com");
        let form = [("org", office.org.as_str()), ("env", &office.env), ("email", &email), ("role", "viewer")];
        office.owner.call("team/invite", &form).await
    };
    let an_hour_later = "UPDATE orgs SET invites_from = invites_from - 3700000000";
    for n in 0..100 {
        if n == 50 {
            let refused = invite(1000).await;
            assert!(refused.status == 409 && refused.text().contains("within an hour"), "{}", refused.text());
            office.world.database().execute(an_hour_later).await;
        }
        let answer = invite(n).await;
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
    }
    office.world.database().execute(an_hour_later).await;
    let refused = invite(1000).await;
    assert!(refused.status == 409 && refused.text().contains("wait for an answer"), "{}", refused.text());
    let count = office.world.database().numbers("SELECT CAST(count(*) AS BIGINT) FROM invitations").await;
    assert_eq!(count, [100]);
}

async fn an_invitation_goes_by_mail(on: On) {
    let post = PostOffice::open().await;
    let mut world = World::new(on).await;
    world.set(&[("HOOKSTREAM_SMTP_URL", &post.url()), ("HOOKSTREAM_MAIL_FROM", "hooks@example.com")]);
    let office = office_of(world).await;
    let place = (office.org.as_str(), office.env.as_str());
    let (id, token) = office.owner.invites(place, "ana@example.com", "admin").await;
    let letter = post.letter("ana@example.com", 0).await;
    assert!(letter.header("subject").contains("invites you to Acme"), "{}", letter.header("subject"));
    assert!(letter.link().ends_with(&format!("/invitation/{token}")), "{}", letter.link());
    let again = [("org", place.0), ("env", place.1), ("invitation", id.as_str())];
    let (_, second) = shown_once(&office.owner.call("team/resend", &again).await);
    let letter = post.letter("ana@example.com", 1).await;
    assert!(letter.link().ends_with(&format!("/invitation/{second}")) && second != token, "{}", letter.link());
}

async fn a_person_has_several_organizations(on: On) {
    let office = office(on).await;
    let answer = office.owner.call("organizations/create", &[("organization", "Second")]).await;
    Person::done(&answer);
    let viewer = Person::done(&office.owner.call("account/viewer", &[]).await);
    let names: Vec<_> = viewer["memberships"].as_array().expect("a list").iter().map(|it| &it["org_name"]).collect();
    assert_eq!(names, ["Acme", "Second"]);
    assert_eq!(viewer["memberships"][1]["role"], "owner");
    let second = viewer["memberships"][1]["org_id"].as_str().expect("an id");
    let project = viewer["projects"].as_array().expect("a list").iter().find(|project| project["org_id"] == second);
    let project = project.expect("it has one");
    assert_eq!((&project["name"], &project["mode"]), (&json!("production"), &json!("live")));
    // The switcher has both, each at the page that is shown.
    let page = office.owner.get(&format!("/p/{}/settings/team", office.env)).await.text();
    let there = format!("/p/{}/settings/team", project["id"].as_str().expect("an id"));
    assert!(page.contains(&there) && page.contains(">Acme<") && page.contains(">Second<"), "{page}");
    let rename = [("org", second), ("organization", "Two")];
    Person::done(&office.owner.call("organizations/rename", &rename).await);
    let bad = office.owner.call("organizations/rename", &[("org", second), ("organization", " ")]).await;
    assert!(bad.status == 422 && bad.text().contains("\"organization\""), "{}", bad.text());
    let viewer = Person::done(&office.owner.call("account/viewer", &[]).await);
    assert_eq!(viewer["memberships"][1]["org_name"], "Two");
}

async fn a_deleted_organization_is_gone_at_once(on: On) {
    let office = office(on).await;
    let org = office.org.as_str();
    let member = office.joined("member@example.com", "admin").await;
    let (_, token) = office.owner.invites((org, &office.env), "late@example.com", "member").await;
    let api = office.server.api();
    let source = api.source("theirs").await;
    Person::done(&office.owner.call("organizations/create", &[("organization", "Other")]).await);
    let wrong = office.owner.call("organizations/delete", &[("org", org), ("confirm_name", "Acm")]).await;
    assert!(wrong.status == 422 && wrong.text().contains("confirm_name"), "{}", wrong.text());
    Person::done(&office.owner.call("organizations/delete", &[("org", org), ("confirm_name", "Acme")]).await);
    for person in [&office.owner, &member] {
        assert_eq!(person.call("team/list", &[("org", org)]).await.status, 404);
        assert_eq!(person.call("projects/overview", &[("env", &office.env)]).await.status, 404);
    }
    assert_eq!(api.get("/v1/sources").await.status, 401, "its keys are worth nothing");
    assert!(matches!(office.server.post(&source, "{}").await.status, 404 | 410));
    let nobody = Person::nobody(&office.server);
    assert_eq!(nobody.call("invitations/offer", &[("token", &token)]).await.status, 404);
    let viewer = Person::done(&office.owner.call("account/viewer", &[]).await);
    assert_eq!(viewer["memberships"].as_array().map(Vec::len), Some(1));
    // Who belongs nowhere any more is told what to do.
    let home = member.get("/").await;
    assert!(home.text().contains("You belong to no organization"), "{} {}", home.status, home.text());
    // What is left goes in the background, once nothing of it is in use any more.
    office.world.database().execute("UPDATE environments SET deleted_at = 1 WHERE deleted_at IS NOT NULL").await;
    office.world.database().execute("UPDATE jobs SET next_run_at = 0").await;
    let left = "SELECT CAST((SELECT count(*) FROM orgs WHERE deleted_at IS NOT NULL) \
        + (SELECT count(*) FROM environments WHERE deleted_at IS NOT NULL) AS BIGINT)";
    eventually(Duration::from_mins(1), "the organization is removed", async || {
        office.world.database().execute("UPDATE jobs SET next_run_at = 0 WHERE name LIKE 'deleted%'").await;
        (office.world.database().numbers(left).await == [0]).then_some(())
    })
    .await;
    let entries = "SELECT CAST(count(*) AS BIGINT) FROM audit_log WHERE org_id NOT IN (SELECT id FROM orgs)";
    assert_eq!(office.world.database().numbers(entries).await, [0]);
}

async fn the_last_project_stays(on: On) {
    let office = office(on).await;
    let create = [("org", office.org.as_str()), ("name", "staging"), ("mode", "test")];
    Person::done(&office.owner.call("projects/create", &create).await);
    let viewer = Person::done(&office.owner.call("account/viewer", &[]).await);
    let projects: Vec<_> = viewer["projects"].as_array().expect("a list").iter().collect();
    let id = |n: usize| projects[n]["id"].as_str().expect("an id").to_owned();
    let (first, second) = (id(0), id(1));
    assert_eq!(projects[1]["mode"], "test");
    let wrong = office.owner.call("projects/delete", &[("env", &second), ("confirm_name", "production")]).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    // Both at one time: one stays.
    let (one, other) = (
        [("env", first.as_str()), ("confirm_name", "production")],
        [("env", second.as_str()), ("confirm_name", "staging")],
    );
    let (one, other) =
        tokio::join!(office.owner.call("projects/delete", &one), office.owner.call("projects/delete", &other));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text(), other.text());
    let refused = if one.status == 409 { one } else { other };
    assert!(refused.text().contains("the last project of an organization cannot be deleted"), "{}", refused.text());
    let viewer = Person::done(&office.owner.call("account/viewer", &[]).await);
    assert_eq!(viewer["projects"].as_array().map(Vec::len), Some(1));
}

async fn a_removed_member_sees_nothing_on_any_node(on: On) {
    let office = office(on).await;
    let other = office.world.serve().await;
    let member = office.joined("member@example.com", "member").await;
    let elsewhere = member.at(&other);
    let sees = async |person: &Person| person.call("projects/overview", &[("env", &office.env)]).await.status;
    assert_eq!((sees(&member).await, sees(&elsewhere).await), (200, 200));
    let id = member.id().await;
    Person::done(&office.owner.call("team/role", &[("org", &office.org), ("member", &id), ("role", "viewer")]).await);
    let form = [("env", office.env.as_str()), ("name", "x")];
    assert_eq!(elsewhere.call("sources/create", &form).await.status, 403, "a viewer at once");
    Person::done(&office.owner.call("team/remove", &[("org", &office.org), ("member", &id)]).await);
    assert_eq!((sees(&elsewhere).await, sees(&member).await), (404, 404));
    let live = Feed::try_open(&other, &path_of(&office.env), &[("cookie", member.cookie())]).await;
    assert_eq!(live.err(), Some(404));
}
