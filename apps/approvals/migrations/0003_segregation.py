"""The database refuses a signature by somebody who may not sign, whoever writes the row."""

from django.db import migrations

TRIGGER = """
create function approvals_segregation() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare asked approvals_request%rowtype;
begin
    select * into asked from approvals_request where id = new.request_id;
    if asked.state <> 'open' or asked.step <> new.step then
        raise exception 'This request does not wait for a signature at step %.', new.step using errcode = 'check_violation';
    end if;
    if asked.content_hash <> new.content_hash then
        raise exception 'The signature is for another content than the request.' using errcode = 'check_violation';
    end if;
    if exists (
        select 1 from approvals_conflict c join approvals_policy p on p.id = asked.policy_id
        where c.request_id = new.request_id and c.user_id in (new.user_id, new.on_behalf_of_id) and p.independence <> 'none'
    ) then
        raise exception 'Who asked for, developed or last changed this may not sign it.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger approvals_segregation before insert on approvals_signature
    for each row execute function approvals_segregation();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0002_initial")]
    operations = [
        migrations.RunSQL(
            TRIGGER,
            "drop trigger approvals_segregation on approvals_signature; drop function approvals_segregation();",
        )
    ]
