"""Charter, promise, risks, tier, people; approved by risk and compliance."""

import datetime as dt

from apps.portal.demo.walk import Walk, mildest
from apps.projects import actions as projects
from apps.projects.models import Project


class Planning(Walk):
    """Charter, promise, risks, tier, people; approved by risk and compliance."""

    def planning(self) -> None:
        """Charter, promise, risks, tier, people; approved by risk and compliance."""
        self.terminal.heading("1  Planning: why, for whom, what is promised, what could go wrong")
        with self.step("Bianca opens the project “Late arrivals” and writes its charter"), self.inside():
            self.project = Project.objects.filter(key="late-arrivals").first() or self._opened()
        if not self._project().is_approved:
            with self.step("Bianca asks for approval; Rhea (risk) and Carlo (compliance) sign"):
                with self.inside():
                    project = self._project()
                    request = (
                        project.approval
                        if project.is_waiting
                        else projects.request_approval(project=project, by=self.company["bianca"])
                    )
                self.sign(request, "rhea", "carlo")
        self.project = self._project()

    def _project(self) -> Project:
        with self.inside():
            rows = Project.objects.select_related("approval", "organization", "owner", "sponsor")
            return rows.get(key="late-arrivals")

    def _opened(self) -> Project:
        bianca = self.company["bianca"]
        project = projects.open_project(
            key="late-arrivals",
            title="Late arrivals",
            problem="One arrival in four from New York is more than 15 minutes late. Connections are rebooked and gates "
            "moved when the aircraft is already in the air, which costs money and patience.",
            outcomes="Missed connections fall by a fifth; gate changes within the last half hour halve.",
            intended_users="Duty managers of the operations centre",
            affected_persons="Passengers with connections, gate agents",
            automation="advice",
            owner=bianca,
            sponsor=self.company["odile"],
            by=bianca,
        )
        self.company.staff(project)
        due = dt.date(2014, 3, 31)
        projects.add_metric(
            project=project,
            name="Missed connections",
            baseline=5.0,
            target=4.0,
            unit="% of connecting passengers",
            direction="lower",
            due_on=due,
            by=bianca,
        )
        projects.add_metric(
            project=project,
            name="Late arrivals warned of in time",
            baseline=0.0,
            target=50.0,
            unit="%",
            direction="higher",
            due_on=due,
            by=bianca,
        )
        projects.add_requirement(
            project=project,
            kind="database",
            description="Every departure with schedule and arrival, one year",
            by=bianca,
        )
        projects.add_requirement(
            project=project, kind="public", description="Hourly weather at EWR, JFK and LGA", by=bianca
        )
        self._risks(project)
        projects.add_stakeholder(
            project=project, role="consulted", name="Operations centre", interest="Works with the warnings", by=bianca
        )
        projects.assess(project=project, answers=mildest({"persons": "indirect", "automation": "advice"}), by=bianca)
        return project

    def _risks(self, project: Project) -> None:
        bianca = self.company["bianca"]
        for title, likelihood, impact, measures, left in (
            (
                "Warnings become noise and are ignored",
                3,
                3,
                "Threshold set with the duty managers; precision watched weekly",
                (2, 2),
            ),
            (
                "Weather of another season is unlike what was learned",
                4,
                3,
                "Drift checks every week; retraining on newer data",
                (2, 2),
            ),
            (
                "Small carriers are warned about too often",
                2,
                3,
                "Share of warnings by carrier in every validation",
                (1, 2),
            ),
        ):
            projects.add_risk(
                project=project,
                title=title,
                likelihood=likelihood,
                impact=impact,
                measures=measures,
                residual_likelihood=left[0],
                residual_impact=left[1],
                owner=bianca,
                by=bianca,
            )
