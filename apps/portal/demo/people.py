"""Who plays in the demo: one account for each duty, made by the actions everybody uses."""

from dataclasses import dataclass

from apps.core.tenancy import tenant
from apps.organizations import actions, doors
from apps.organizations.models import Membership, Organization, User
from apps.organizations.roles import ProjectRole

PASSWORD = "fly-safely-2013"  # noqa: S105 - printed at the end of the demo; the demo's portal is on this machine only


@dataclass(frozen=True)
class Player:
    """A person of the demo: who they are, what they do, which roles they hold."""

    name: str
    local: str
    duty: str
    organization_role: str = "member"
    project_role: str = ""


MERIDIAN = (
    Player("Odile Marchetti", "odile", "owner: manages people and policies", "owner"),
    Player("Adam Berg", "adam", "administrator: teams, tokens, sign-in", "administrator"),
    Player("Audrey Lindqvist", "audrey", "auditor: reads everything, changes nothing", "auditor"),
    Player(
        "Bianca Ferrari",
        "bianca",
        "business owner: charter, promise, retirement",
        project_role=ProjectRole.BUSINESS_OWNER,
    ),
    Player(
        "Benedikt Sommer",
        "benedikt",
        "deputy business owner: signs for the business",
        project_role=ProjectRole.BUSINESS_OWNER,
    ),
    Player("Dario Okafor", "dario", "data scientist: data, training, cards", project_role=ProjectRole.DATA_SCIENTIST),
    Player("Vera Nowak", "vera", "validator: plans and runs the tests", project_role=ProjectRole.VALIDATOR),
    Player("Rhea Patel", "rhea", "risk: signs charters and models", project_role=ProjectRole.RISK),
    Player(
        "Carlo Dupont", "carlo", "compliance: signs charters, data, retirements", project_role=ProjectRole.COMPLIANCE
    ),
    Player("Sigrid Hansen", "sigrid", "security: signs deployments", project_role=ProjectRole.SECURITY),
    Player("Otto Weiss", "otto", "operator: deploys, watches, rolls back", project_role=ProjectRole.OPERATOR),
    Player("Wim Jansen", "wim", "viewer: reads the project", project_role=ProjectRole.VIEWER),
)
HARBOR = (
    Player("Mallory Reed", "mallory", "owner: manages people and policies", "owner"),
    Player("Augustin Leroy", "augustin", "auditor: reads everything, changes nothing", "auditor"),
    Player("Brenda Castillo", "brenda", "business owner", project_role=ProjectRole.BUSINESS_OWNER),
    Player("Bruno Keller", "bruno", "deputy business owner", project_role=ProjectRole.BUSINESS_OWNER),
    Player("Dina Rahman", "dina", "data scientist", project_role=ProjectRole.DATA_SCIENTIST),
    Player("Viktor Novak", "viktor", "validator", project_role=ProjectRole.VALIDATOR),
    Player("Ruth Adeyemi", "ruth", "risk: the request that waits is hers to sign", project_role=ProjectRole.RISK),
    Player("Chen Wei", "chen", "compliance", project_role=ProjectRole.COMPLIANCE),
    Player("Sara Lund", "sara", "security", project_role=ProjectRole.SECURITY),
    Player("Omar Haddad", "omar", "operator", project_role=ProjectRole.OPERATOR),
)


class Company:
    """A demo organization and its people, by the first part of their address."""

    def __init__(self, key: str, name: str, players: tuple[Player, ...]) -> None:
        self.key, self.name, self.players = key, name, players
        self.domain = f"{key}.example"
        self.people: dict[str, User] = {}
        self.organization: Organization

    def address(self, player: Player) -> str:
        """The address a player signs in with."""
        return f"{player.local}@{self.domain}"

    def open(self) -> bool:
        """Make the organization with its people, or find what an earlier run made; says whether it was new."""
        self.people = {player.local: self._account(player) for player in self.players}
        owner = self.people[self.players[0].local]
        found = doors.organization_by_key(self.key)
        if found is None:
            found = actions.create_organization(key=self.key, name=self.name, by=owner, is_demo=True).pk
            fresh = True
        else:
            fresh = False
        with tenant(found):
            self.organization = Organization.objects.get(pk=found)
            for player in self.players[1:]:
                user = self.people[player.local]
                if not Membership.objects.filter(user=user, is_active=True).exists():
                    actions.add_member(user=user, role=player.organization_role, by=owner)
        return fresh

    def _account(self, player: Player) -> User:
        found = User.objects.filter(email=self.address(player)).first()
        return found or actions.create_person(email=self.address(player), password=PASSWORD, name=player.name)

    def staff(self, project: object) -> None:
        """Give everybody their role on a project."""
        owner = self.people[self.players[0].local]
        for player in self.players:
            if player.project_role:
                user = self.people[player.local]
                actions.assign_role(scope=project, role=player.project_role, user=user, by=owner)

    def __getitem__(self, local: str) -> User:
        return self.people[local]
